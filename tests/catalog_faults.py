"""Tables of a models.toml with one fault each; `first`, `last` and `[heads.mine]` are there and sound."""

MODEL, TEAM = (
    "[models.bad]\n",
    "[teams.bad]\nmethod = 'deferral'\nbase = 'first'\nexperts = ['last']\n",
)
SINGLE_FAULTS = [
    MODEL, MODEL + "path = 3", MODEL + "path = ''", MODEL + "pth = 'x.gguf'", MODEL + "path = [1]",
    MODEL + "path = 'x.gguf'\nparameters = -1", MODEL + "path = 'x.gguf'\nsha256 = 'abc'",
    MODEL + "path = 'x.gguf'\nchecked = 'yes'", MODEL + "repository = 'owner/name'",
    MODEL + "repository = 'a b c'\nfile = 'x.gguf'", MODEL + "adapter = 'lora.gguf'",
    MODEL + "path = 'x.gguf'\n[models.bad.verified]\nkl = -1", MODEL + "path = 'x.gguf'\nn_ctx = 1.5",
    "[models]\nbad = 3", "[models.bad", MODEL + "path = ", MODEL + "path = 'x.gguf", MODEL + "= 3",
    MODEL + "path = 'a'\npath = 'b'", "[[models.bad]]\npath = 'x.gguf'", "[model.bad]\npath = 'x.gguf'",
    "[heads.bad]", "[bridges.bad]\npath = 7", "[mixtures.bad]\nway = 'x'",
    TEAM, TEAM + "gate = 'entropy'\nhead = 'mine'", TEAM + "gate = 'entropy'\nthreshold = 2",
    TEAM + "gate = 'entropy'\ncolour = 'red'", "[teams.bad]\nmethod = 'magic'",
    "[teams.bad]\nbase = 'first'\nexperts = ['last']",
    "[teams.bad]\nmethod = 'deferral'\nbase = 'first'\nexperts = 'last'\ngate = 'entropy'",
    "[teams.bad]\nmethod = 'mixture'\nmembers = ['first', 'last']\nweights = [0, 0]",
    "[teams.bad]\nmethod = 'blend'\nmembers = ['first', 'last']\nranker = 'best'",
    "[teams]\nbad = []", "[models.first]\npath = 'other.gguf'",
    "[teams.bad]\nmethod = 'speculation'\nbase = 'a'",
    MODEL + "path = 'x.gguf'\nsize_bytes = " + "9" * 5000, MODEL + "path = " + "[" * 5000,
]  # fmt: skip

"""French."""

from localcollab.documents.checking.language import Language, pairs_of, words_of

_COMMON = """
au aux avec ce cette d dans de des du elle en est et il l la le les ne ont par pas plus pour que
qui sa se ses son sont sur un une était été
"""
_RESTRICTIONS = """
ancien anciennement apparemment après aujourd auparavant avant beaucoup bien cependant certaines
certains chaque condition dans demain depuis devait devraient devrait doit doivent dès déjà encore
ensemble entre environ exclusivement généralement hier jusqu jusque lorsque mais majorité maximum
minimum moins moitié ou parfois partie pendant peu peut peut-être peuvent plupart plus plusieurs
possiblement pourraient pourrait pouvait presque probablement provisoirement près prétendument qu
quand que quelques quoique respectivement selon seulement si soit souvent tant temporairement
total tous tout toute toutefois toutes uniquement
"""
_BENIGN = """
beaucoup certaines certains chaque déjà encore environ moins plus plusieurs presque près qu que
quelques souvent tous tout toute toutes
"""
_NEGATIONS = """
aucun aucune excepté fausse faux guère hormis jamais n ne ni non pas personne rien sans sauf
"""
_SPEECH = """
affirm niai nié nie dit disai dira croi cru pens estim espèr espér prévoi propos prom dout refus
rejet suppos prétend déclar recommand tent essay assur soutien selon rapport rumeur conteste
"""
_AUXILIARIES = """
a avaient avait est furent fut ont sera seront sont étaient était
"""
_NUMBERS = """
un 1 deux 2 trois 3 quatre 4 cinq 5 six 6 sept 7 huit 8 neuf 9 dix 10 onze 11 douze 12 treize 13
quatorze 14 quinze 15 seize 16 vingt 20 trente 30 quarante 40 cinquante 50 cent 100 mille 1000
"""
_MONTHS = """
janvier février mars avril mai juin juillet août septembre octobre novembre décembre
"""
_VOID_HEADINGS = """
annulé brouillon exceptions faux mythe mythes non projet proposition rejeté rejetée
"""

FRENCH = Language(
    code="fr",
    common=words_of(_COMMON),
    articles=words_of("l la le les un une"),
    additions=words_of("ainsi aussi donc outre également"),
    restrictions=words_of(_NEGATIONS + _RESTRICTIONS),
    benign=words_of(_BENIGN),
    negations=words_of(_NEGATIONS),
    speech=tuple(_SPEECH.split()),
    coordinators=words_of("et"),
    aside_starts=words_of("dont laquelle lequel qui"),
    aside_endings=("able", "ant"),
    auxiliaries=words_of(_AUXILIARIES),
    copulas=tuple(frozenset(pair) for pair in pairs_of("est sont étaient était a ont")),
    plurals=(("", "s"), ("", "x")),
    numbers=tuple((word, int(n)) for word, n in pairs_of(_NUMBERS)),
    months=tuple(_MONTHS.split()),
    decimal_comma=True,
    limiting_sentences=words_of("cependant exceptions mais sauf seulement sinon toutefois"),
    void_headings=words_of(_VOID_HEADINGS),
    prepositions=words_of("avec chez dans de en par pour sur vers à"),
    pronouns=words_of("elle elles il ils"),
)

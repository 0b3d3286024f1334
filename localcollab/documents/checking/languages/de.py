"""German. Articles are no free words: they tell who does what to whom."""

from localcollab.documents.checking.language import Language, pairs_of, words_of

_COMMON = """
als am auch auf aus bei beträgt bitte das dass dem den der des die durch ein eine einem einen
einer er es für haben hat ich im ist mit nach nicht oder sich sie sind und von war werden wie wird
wurde zum zur über
"""
_ADDITIONS = """
auch außerdem bitte daher ebenfalls ferner hiermit somit zudem überdies
"""
_RESTRICTIONS = """
ab aber abhängig alle allein als andernfalls angeblich anscheinend ausnahme bedingung begrenzt
beide beiden beinahe beschränkt bevor bis bisher bislang bloß ca circa damals darf doch dürfen
dürfte dürften ehe ehemals einige entweder es-sei-denn etwa eventuell falls fast früher
gegebenenfalls gesamt gestern größtenteils halb heute hälfte höchstens innerhalb insgesamt jede
jeden jeder jedes jedoch jetzt jeweils kann konnten können könnte könnten künftig lediglich mag
manche manchmal maximal mehr mehrere meist meisten meistens mindestens minimal morgen muss möchte
möglicherweise müssen müsste nach nachdem nahezu nur obwohl oder offenbar oft rund scheinbar schon
seit sobald sofern solange soll sollen sollte sollten sondern sonst soweit teilweise trotz
ungefähr unter vermutlich viele vielleicht vor vorausgesetzt voraussetzung vorbehaltlich vorläufig
vorübergehend wahrscheinlich weil wenige weniger wenn werden will wird wollen während würde würden
zukünftig zusammen zwischen über überwiegend
"""
_BENIGN = """
alle als ca circa einige etwa fast höchstens jede jeden jeder jedes jeweils mehr mehrere meist
mindestens noch oft rund schon ungefähr unter viele weniger über
"""
_NEGATIONS = """
anstatt ausgenommen ausschließlich außer falsch kaum kein keine keinem keinen keiner keines nein
nicht nichts nie niemals niemand nirgends noch ohne selten statt unwahr weder
"""
_SPEECH = """
behaupt bestreit leugn sagt sage gesagt mein glaub denk dacht vermut erklär bericht laut zufolge
schätz erwart hoff plan beabsicht empfehl empfiehl vorschl vorgeschl zweifel verspr versuch weiger
ablehn abgelehn gerücht wünsch dement schreib schrieb geschrieben angab gab angibt
"""
_ASIDE_STARTS = """
das der deren dessen die ein eine einschließlich welche welcher welches
"""
_AUXILIARIES = """
darf haben hat hatte hatten ist kann muss sind soll war waren werden wird wurde wurden
"""
_NUMBERS = """
ein 1 zwei 2 drei 3 vier 4 fünf 5 sechs 6 sieben 7 acht 8 neun 9 zehn 10 elf 11 zwölf 12 dreizehn
13 vierzehn 14 fünfzehn 15 sechzehn 16 siebzehn 17 achtzehn 18 neunzehn 19 zwanzig 20 null 0
dreißig 30 vierzig 40 fünfzig 50 sechzig 60 siebzig 70 achtzig 80 neunzig 90 hundert 100 tausend
1000
"""
_MONTHS = """
januar februar märz april mai juni juli august september oktober november dezember
"""
_LIMITING_SENTENCES = """
aber allerdings andernfalls ausgenommen ausnahme ausnahmen außer dies jedoch nicht nur sonst
"""
_VOID_HEADINGS = """
abgelehnt ausnahmen entwurf falsch mythen mythos nicht ungültig veraltet verworfen vorschlag
überholt
"""
_PREPOSITIONS = """
am an auf aus bei durch für gegen im in mit um vom von zu zum zur
"""

GERMAN = Language(
    code="de",
    common=words_of(_COMMON),
    additions=words_of(_ADDITIONS),
    restrictions=words_of(_NEGATIONS + _RESTRICTIONS),
    benign=words_of(_BENIGN),
    negations=words_of(_NEGATIONS),
    speech=tuple(_SPEECH.split()),
    coordinators=words_of("und"),
    aside_starts=words_of(_ASIDE_STARTS),
    aside_endings=("bar",),
    auxiliaries=words_of(_AUXILIARIES),
    copulas=tuple(
        frozenset(pair) for pair in pairs_of("ist sind war waren haben hat wurde wurden")
    ),
    plurals=(("", "n"), ("", "s"), ("", "es"), ("s", "es")),
    least_inflected=5,
    numbers=tuple((word, int(n)) for word, n in pairs_of(_NUMBERS)),
    months=tuple(_MONTHS.split()),
    decimal_comma=True,
    limiting_sentences=words_of(_LIMITING_SENTENCES),
    void_headings=words_of(_VOID_HEADINGS),
    prepositions=words_of(_PREPOSITIONS),
    pronouns=words_of("er es sie"),
)

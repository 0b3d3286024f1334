"""Italian."""

from localcollab.documents.checking.language import Language, pairs_of, words_of

_COMMON = """
al alla anche che come con da dal dei del della di e era fu gli ha i il in la le lo nel nella non
per più questo si sono sua suo un una è
"""
_RESTRICTIONS = """
alcune alcuni ancora apparentemente che ciascuno circa condizione da deve devono diverse diversi
domani dopo doveva dovrebbe dovrebbero durante entrambi entro ex finché fino forse fra
generalmente già ieri insieme ma maggior maggioranza massimo meno mentre metà minimo molte molti o
oggi ogni oltre oppure parte però più poche pochi possibilmente possono poteva potrebbe potrebbero
precedentemente presumibilmente prima probabilmente purché può quando quasi rispettivamente se
sebbene secondo solamente solo soltanto sopra sotto spesso talvolta temporaneamente totale tra
tutta tuttavia tutte tutti tutto unicamente
"""
_BENIGN = """
alcune alcuni ancora circa diverse diversi già meno molte molti ogni più quasi spesso tutta tutte
tutti tutto
"""
_NEGATIONS = """
eccetto esclusa escluso falso mai neanche nessun nessuna nessuno niente non nulla né salvo senza
tranne
"""
_SPEECH = """
afferm neg dice dic disse dett cred pens ritien stim sper preved propon propos promet promess
dubit rifiut suppon sostien dichiar raccomand tent cerc assicur secondo rapport voce contest
"""
_AUXILIARIES = """
aveva avevano era erano fu furono ha hanno saranno sarà sono è
"""
_NUMBERS = """
uno 1 due 2 tre 3 quattro 4 cinque 5 sei 6 sette 7 otto 8 nove 9 dieci 10 undici 11 dodici 12
tredici 13 quattordici 14 quindici 15 sedici 16 diciassette 17 diciotto 18 diciannove 19 venti 20
trenta 30 quaranta 40 cinquanta 50 cento 100 mille 1000
"""
_MONTHS = """
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
"""
_VOID_HEADINGS = """
annullato bozza eccezioni falso miti mito non proposta respinta respinto
"""

ITALIAN = Language(
    code="it",
    common=words_of(_COMMON),
    articles=words_of("gli i il l la le lo un una uno"),
    additions=words_of("anche inoltre pertanto quindi"),
    restrictions=words_of(_NEGATIONS + _RESTRICTIONS),
    benign=words_of(_BENIGN),
    negations=words_of(_NEGATIONS),
    speech=tuple(_SPEECH.split()),
    coordinators=words_of("e ed"),
    aside_starts=words_of("cui quale quali"),
    aside_endings=("abile", "ibile", "ando", "endo"),
    auxiliaries=words_of(_AUXILIARIES),
    copulas=tuple(frozenset(pair) for pair in pairs_of("sono è era erano ha hanno")),
    plurals=(("o", "i"), ("a", "e"), ("e", "i")),
    numbers=tuple((word, int(n)) for word, n in pairs_of(_NUMBERS)),
    months=tuple(_MONTHS.split()),
    decimal_comma=True,
    limiting_sentences=words_of("altrimenti eccezioni ma però salvo solo tranne tuttavia"),
    void_headings=words_of(_VOID_HEADINGS),
    prepositions=words_of("a con di in per su verso"),
    pronouns=words_of("egli essi lei lui"),
)

"""Spanish."""

from localcollab.documents.checking.language import Language, pairs_of, words_of

_COMMON = """
al como con de del el en entre es esta este está fue ha la las lo los más no para por que se ser
son su sus un una y
"""
_RESTRICTIONS = """
a-condición algunas algunos alrededor ambos anteriormente antes antiguo aproximadamente aunque
ayer aún bajo cada casi cerca condición cuando debe deben debería deberían debía dentro desde
después durante entre generalmente hasta hoy juntos mayoría mañana menos mientras mitad muchas
muchos más máximo mínimo normalmente o ocasionalmente parte pero pocas pocos podría podrían podía
posiblemente presuntamente probablemente próximo puede pueden que quizá quizás respectivamente
según si siempre siempre-que sino sobre solamente solo supuestamente sólo tal-vez temporalmente
toda todas todavía todo todos total u unas unos varias varios ya únicamente
"""
_BENIGN = """
algunas algunos alrededor cada casi cerca generalmente menos muchas muchos más que toda todas
todavía todo todos unas unos varias varios ya
"""
_NEGATIONS = """
apenas excepto excluido falso jamás nada nadie ni ninguna ninguno ningún no nunca salvo sin
tampoco
"""
_SPEECH = """
afirm neg niega dice dij dic cree cre piens pens opin estim esper plane propon propus promet
prometi dud rechaz supon supuest asegur sostien declar recomiend recomend intent alega según
inform rumor
"""
_NUMBERS = """
uno 1 dos 2 tres 3 cuatro 4 cinco 5 seis 6 siete 7 ocho 8 nueve 9 diez 10 once 11 doce 12 trece 13
catorce 14 quince 15 dieciséis 16 diecisiete 17 dieciocho 18 diecinueve 19 veinte 20 treinta 30
cuarenta 40 cincuenta 50 cien 100 mil 1000
"""
_MONTHS = """
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
"""
_VOID_HEADINGS = """
anulado borrador excepciones falso mito mitos no propuesta rechazada rechazado
"""

SPANISH = Language(
    code="es",
    common=words_of(_COMMON),
    articles=words_of("el la las los un una"),
    additions=words_of("además asimismo también"),
    restrictions=words_of(_NEGATIONS + _RESTRICTIONS),
    benign=words_of(_BENIGN),
    negations=words_of(_NEGATIONS),
    speech=tuple(_SPEECH.split()),
    coordinators=words_of("e y"),
    aside_starts=words_of("cuya cuyo incluida incluido quien"),
    aside_endings=("able", "ando", "iendo"),
    auxiliaries=words_of("era eran es fue fueron ha había habían han será son"),
    copulas=tuple(frozenset(pair) for pair in pairs_of("es son fue fueron era eran ha han")),
    plurals=(("", "s"), ("", "es")),
    numbers=tuple((word, int(n)) for word, n in pairs_of(_NUMBERS)),
    months=tuple(_MONTHS.split()),
    decimal_comma=True,
    limiting_sentences=words_of("aunque excepciones excepto no pero salvo sin solo sólo"),
    void_headings=words_of(_VOID_HEADINGS),
    prepositions=words_of("a con de desde en hacia para por"),
    pronouns=words_of("ella ellas ellos él"),
)

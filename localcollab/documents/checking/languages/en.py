"""English."""

from localcollab.documents.checking.language import Language, pairs_of, words_of

_COMMON = """
a an and are as at be been by can cannot did does for from had has have he his how in is it its not of on
or per please she that the their there they this to was were what when where which who will with
would you your
"""
_ADDITIONS = """
additionally also consequently furthermore hence hereby indeed just moreover please therefore thus
too
"""
_RESTRICTIONS = """
about above after all allegedly almost alone already alternatively although any apart apparently
appear appeared appears approx approximately arguably around as assuming because before
below between beyond both but can case circa combined condition conditional conditionally
conditions could currently depending depends despite during each earlier either else every exceed
exceeding exceeds exception exceptions exclusive exclusively exempt few fewer former formerly
future generally half however hypothetically if initially jointly largely later least less lest
likely limited mainly many max maximum may maybe merely might min minimum more most mostly must
nearly normally notwithstanding now occasionally often once only or originally other
otherwise ought over partially partly past pending per perhaps possibly potentially presumably
previously probably provided providing purportedly reportedly respectively restricted roughly same
save seem seemed seemingly seems several shall should since solely some sometimes still subject
such suppose supposedly supposing temporarily temporary tend tended tends than then theoretically
though till today together tomorrow total typically under unless unlikely until unto up usually
when whenever whether while whilst will within would yesterday yet
"""
_BENIGN = """
about above all almost already any approx approximately around as below between beyond
both circa each earlier either every exceed exceeding exceeds few fewer generally half largely
later least less mainly many max maximum min minimum more most mostly nearly normally now
occasionally often once or over partly per roughly same several since some sometimes still such
than then typically under up usually within
"""
_NEGATIONS = """
barely except excepted excepting excluded excluding false hardly incorrect instead neither never
no nobody non none nor not nothing nowhere rarely scarcely seldom unlike untrue without wrong
"""
_SPEECH = """
accord alleg argu assert assum believ claim conced consider contend declar denied denies deny
denying denial disput doubt envisag estimat expect fear feared fears forecast hope hoping hypothes
imagin imply implies implied insist intend maintain mention mistak opin planned planning plans
pledg predict presum pretend promis propos quot recommend reject rumo refus refut report request
said say says sugges suspect speculat stated stating statement suppos tell tells theor think
thinks thought told warn wish attempt fail forgot forget try tries tried trying offer want wonder
vow unclear uncertain according myth fals deem regard view wrote writes written
"""
_CONDITIONAL_STARTS = """
according assuming barring beginning concerning considering depending during ending excepted
excepting excluding failing following granted involving lacking limited owing pending provided
providing regarding restricted starting supposing
"""
_AUXILIARIES = """
are be been being can could did do does had has have is may might must shall should was were will
would
"""
_PAST = """
are became began bought broke brought built came can chose did does drew fell felt fought found
gave got grew had has have held is kept knew led left lost made met moved paid ran rose saw sent
shot sold spent stood struck taught threw took was went were will won wore wrote
"""
_IRREGULAR_PASTS = """
become became begin began break broke bring brought build built buy bought catch caught choose
chose come came cost cost cut cut deal dealt do did draw drew drink drank drive drove eat ate fall
fell feel felt fight fought find found fly flew get got give gave go went grow grew have had hear
heard hit hit hold held keep kept know knew lead led leave left lend lent let let lie lay lose
lost make made mean meant meet met pay paid put put read read ride rode rise rose run ran see saw
sell sold send sent set set shoot shot sing sang sit sat sleep slept speak spoke spend spent
spread spread stand stood steal stole strike struck swim swam take took teach taught tell told
think thought throw threw understand understood wear wore win won write wrote
"""
_IRREGULAR = """
child children man men woman women person people foot feet tooth teeth mouse mice wife wives life
lives half halves
"""
_NUMBERS = """
zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 eleven 11 twelve 12
thirteen 13 fourteen 14 fifteen 15 sixteen 16 seventeen 17 eighteen 18 nineteen 19
twenty 20 thirty 30
forty 40 fifty 50 sixty 60 seventy 70 eighty 80 ninety 90
"""
_MONTHS = """
january february march april may june july august september october november december
"""
_LIMITING_SENTENCES = """
although but condition conditions except exception exceptions excluded exempt however limitation
limitations nevertheless nonetheless not only otherwise provided restriction restrictions unless
yet
"""
_VOID_HEADINGS = """
canceled cancelled draft drafts exceptions exclusions false fiction former hypothetical incorrect
myth myths not obsolete outdated proposal proposals rejected superseded void withdrawn wrong
"""
_PREPOSITIONS = """
about across against along among at behind by for from in into near of on onto over through to
toward towards under upon via with
"""
_SCHEDULED = """
arrive begin close cost depart end expire last leave open start
"""

ENGLISH = Language(
    code="en",
    common=words_of(_COMMON),
    articles=words_of("a an the"),
    additions=words_of(_ADDITIONS),
    restrictions=words_of(_NEGATIONS + _RESTRICTIONS),
    benign=words_of(_BENIGN),
    negations=words_of(_NEGATIONS),
    speech=tuple(_SPEECH.split()),
    coordinators=words_of("and"),
    aside_starts=words_of("a an born known including the where which who whom whose"),
    relatives=words_of("which whom whose"),
    aside_endings=("ing", "able", "ed"),
    conditional_starts=words_of(_CONDITIONAL_STARTS),
    auxiliaries=words_of(_AUXILIARIES),
    past=words_of(_PAST),
    past_ending="ed",
    irregular_pasts=tuple(pairs_of(_IRREGULAR_PASTS)),
    copulas=tuple(frozenset(pair) for pair in pairs_of("are is was were has have do does")),
    plurals=(("", "s"), ("", "es"), ("y", "ies")),
    irregular=tuple(pairs_of(_IRREGULAR)),
    least_inflected=3,
    numbers=tuple((word, int(n)) for word, n in pairs_of(_NUMBERS)),
    months=tuple(_MONTHS.split()),
    limiting_sentences=words_of(_LIMITING_SENTENCES),
    void_headings=words_of(_VOID_HEADINGS),
    prepositions=words_of(_PREPOSITIONS),
    scheduled=words_of(_SCHEDULED),
    future="will",
    measures=words_of("amount figure level reading value"),
    pronouns=words_of("he it she they"),
)

"""Function words of each language that `languages` tells apart, as they are written in lower case."""

FREQUENT_WORDS = {
    "en": """
        the of and to in is was that for it with as his on be at by had are but from or have an
        they which were their has been would there will if can all its not this these who what
        when how
    """,
    "de": """
        der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an
        werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so
        zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei ich kann wenn wer
        was welche wir diese
    """,
    "nl": """
        de het een en van ik te dat die in is hij niet zijn op aan met voor er maar om dan zou
        of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb
        hoe heeft hebben deze want nog zal werd wordt was worden waren kan
    """,
    "sv": """
        och det att i en jag hon som han på den med var sig för så till är men ett om hade de av
        icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde
        något från ut när efter upp vi dem vara vad över än blev eller också
    """,
    "da": """
        og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har
        om vi min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal
        selv her alle vil blev kunne ind når være dog noget efter bliver også
    """,
    "no": """
        og i jeg det at en et den til er som på de med han av ikke der var meg seg men har om vi
        min ha hadde hun nå over da ved fra du ut sin dem oss opp man kan hans hvor eller hva
        skal selv sjøl her alle vil bli ble blei blitt kunne inn når være noen noe etter også
        mer
    """,
    "fr": """
        de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il
        sont avec son aux ou cette ses mais comme été leur ont nous vous était elle ces sa fut
        deux être même d l qu s où quel
    """,
    "es": """
        de la que el en y a los se del las un por con no una su para es al lo como más o pero
        sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había
        era muy años hasta desde está qué cuál
    """,
    "pt": """
        de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao
        ele das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso
        ela entre era depois são às qual
    """,
    "it": """
        di e il la che in un a per è una sono con del non si da le della i dei nel come anche
        più alla al lo gli delle ha ma se dal questo suo dalla nella essere o loro tra degli l d
        fu stato ai dell sua era quale
    """,
    "ca": """
        de la i el que a en les els un per del una amb no es l d al és va dels més o com s ha
        són seu seva aquest aquesta però entre fins també molt on pel ser van
    """,
    "ro": """
        de și în a la cu pe din o un care nu este se al mai pentru că sau fost ce sunt prin după
        au lui fi dar cel ca ale era cele între sa până ei lor său sale această acest către
        fiind dintre unei unui
    """,
    "hu": """
        a az és hogy nem is egy volt ez azt csak de meg már mint mi van ki még ha vagy olyan el
        ezt azonban ami aki lehet majd mert amely szerint után úgy akkor kell pedig között által
        során ezek
    """,
    "fi": """
        ja on oli ei että se hän joka mutta kun niin kuin tai myös sen ovat sitä olla mukaan jos
        hänen ne jotka tämä vain sekä joten nyt siitä olivat ollut voi kanssa jälkeen vuonna
        mikä
    """,
    "et": """
        ja on ei et see oli ta kui mis ka oma aga siis või nii ning mida kes välja veel tema
        seda pärast olid ole selle juba pole peale kuid üle mille
    """,
    "tr": """
        ve bir bu da de için ile çok olarak daha olan en gibi kadar sonra ne o ise ama her var
        değil mi ya ki olduğu göre tarafından veya yıl nin hangi nedir iki diğer bazı içinde
    """,
    "pl": """
        i w na z do nie się że jest to o jak po przez od dla za ale był który oraz co tym są
        było jego być tego ich ze która które tylko przy także już jej może lub czy roku
    """,
    "cs": """
        a se v na je že s z do o i to k ve pro za by ale si po jako jeho od byl jsou nebo který
        která které při není také až jen podle však bylo před byla mezi co tak
    """,
    "sk": """
        a sa v na je že s z do o aj to k vo pre za by ale si po ako jeho od bol sú alebo ktorý
        ktorá ktoré pri nie tiež až len podľa však bolo pred bola medzi čo tak
    """,
    "sl": """
        in je v na se da za so ki z tudi po kot pa od do bi s ne ob pri bil le še ali njegov
        leta bila kar med kako zelo lahko
    """,
    "sr": """
        i u je na se da za su od s sa ne o ali kao iz koji što po a to bio koja do nije bi ili
        samo te više koje kako prema biti godine и у је на се да за су од са не ће али као из
        који што по то био која до није би или само те више које како према
    """,
    "lt": """
        ir yra kad į iš su ne o kaip bet tai ar jo buvo nuo po už dėl iki tik jis apie jų prie
        per taip jos pat arba kuris kurie turi jau metų
    """,
    "lv": """
        un ir no uz ar ka par tas kas bija pēc arī nav to bet vai gan tika līdz kā tiek pie gada
        šo savu
    """,
    "id": """
        yang dan di dengan untuk pada dari ini dalam adalah tidak itu ke oleh sebagai akan juga
        telah atau dapat mereka ada karena lebih bahwa tersebut para saat menjadi secara antara
        seperti apa
    """,
    "vi": """
        của và là các có được trong một cho không những với để đã này từ người khi ở như đến về
        ra cũng tại vào năm trên nhiều bị đó hay hoặc do theo nào gì
    """,
    "tl": """
        ang ng sa mga na ay at si ni ito kung hindi para isang may mula kanyang siya nang niya
        bilang
    """,
    "sw": """
        ya na wa kwa ni katika za la cha kuwa hii kama au pia hiyo kutoka yake wake lakini huo
        ambayo
    """,
    "ga": """
        an na agus i ar is a go le do ag sa bhí tá ó de leis seo nó sé faoi as ach mar
    """,
    "eu": """
        eta da ez bat du dira zen ere izan baina edo zuen den hau bere dute oso ziren egin duen
        dago arte
    """,
    "sq": """
        të e në dhe i me për nga një që është u më ka si nuk janë por kjo ky ishte edhe tij do
    """,
    "is": """
        og að í á er sem til við um var en með fyrir af hann það ekki því frá hún eru þar eða
        hafa
    """,
    "ru": """
        и в не на что с по к из у за от так о же но он как это для до его был при или также были
        которые году она мы бы они была все то их чем только может уже со который того
    """,
    "uk": """
        і в не на що з по до як та за від це у але про для його був або також були які він є
        року вона її ми під бути має ще може який
    """,
    "bg": """
        на и в за от се да е с по са не че до като при той този към тя го или след през беше има
        който която които бил
    """,
    "mk": """
        на и во за од се да е со по не што до како при тој ги го или бил биле има која кој кои
    """,
    "be": """
        і у не на што з па да як за ад гэта але пра для яго быў або таксама былі якія ён
    """,
    "ar": """
        في من على إلى أن هذا التي الذي عن مع ما لا كان هذه كانت قد هو ذلك بعد بين كما أو هي كل و
        عند غير حيث لم منذ خلال
    """,
    "fa": """
        در و به از که این را با است برای آن یک خود تا بر او هم نیز شده می شد بود کرد های شود پس
        هر
    """,
    "ur": """
        کے میں کی ہے اور سے کا کو اس نے ہیں کہ پر یہ تھا ایک نہیں بھی تھے ہو تھی
    """,
    "hi": """
        के में की है और से का को इस ने हैं कि पर यह था एक नहीं भी थे हो थी लिए किया गया जो तथा
        अपने या ही रूप करने
    """,
    "ne": """
        र को मा छ यो पनि का लागि हो एक थियो भने छन् गर्न तथा वा भएको गरेको यस
    """,
    "mr": """
        आणि आहे या च्या ही हा होते मध्ये ते व होता की तर त्या केले आहेत त्याच्या
    """,
}
"""Language (ISO 639-1) -> words, separated by blanks."""

"""Harmless prompts in languages that the embedded model does not judge."""

from __future__ import annotations

PROMPTS = {
    "de": """ein roter Ball rollt über die Straße|eine Katze schläft auf dem Sofa|zwei Kinder bauen eine Sandburg am Strand
ein Koch schneidet Zwiebeln in der Küche|das Meer bei Sonnenuntergang, Zeitlupe|ein alter Mann liest Zeitung im Park
Luftaufnahme einer Stadt bei Nacht|eine Frau tanzt im Regen""",
    "fr": """un chat dort au soleil|une femme marche sur la plage|le train traverse la montagne sous la neige
des enfants jouent dans le jardin|un homme prépare le petit déjeuner|vue aérienne de la ville au coucher du soleil
une fleur rouge s'ouvre lentement|un chien court après une balle""",
    "es": """una mujer camina por la playa|un perro corre en el parque|los niños juegan al fútbol en la calle
un barco navega al atardecer|el cocinero corta verduras|una flor se abre en cámara lenta
un tren cruza las montañas nevadas|la ciudad de noche con luces de neón""",
    "it": """un gatto nero salta sul tavolo|una donna cammina sotto la pioggia|i bambini giocano nel cortile
il mare al tramonto con le onde|un uomo legge il giornale al bar|una bicicletta rossa davanti alla porta
la neve cade sulle montagne|il cuoco prepara la pasta fresca""",
    "pt": """um gato dorme no sofá|uma mulher caminha na praia|as crianças brincam no jardim
o navio parte ao pôr do sol|um homem toca violão na rua|a cidade à noite vista de cima
uma flor abre devagar|o cachorro corre atrás da bola""",
    "nl": """een man loopt over straat|een kat slaapt op de bank|twee kinderen spelen in de tuin
het schip vaart weg bij zonsondergang|een vrouw danst in de regen|de trein rijdt door de sneeuw
een bloem gaat langzaam open|luchtfoto van de stad in de nacht""",
    "sv": """en hund springer på stranden|en kvinna dansar i regnet|två barn leker i trädgården
ett tåg åker genom snön|en katt sover på soffan|havet i solnedgången""",
    "pl": """kobieta tańczy na plaży|kot śpi na kanapie|dwoje dzieci bawi się w ogrodzie
pociąg jedzie przez śnieg|morze o zachodzie słońca|mężczyzna czyta gazetę w parku""",
    "tr": """bir kadın yağmurda dans ediyor|bir kedi kanepede uyuyor|iki çocuk bahçede oynuyor
gün batımında deniz|tren karlı dağlardan geçiyor|bir adam parkta gazete okuyor""",
    "id": """seorang wanita menari di pantai|kucing tidur di sofa|dua anak bermain di taman
kereta melewati gunung bersalju|laut saat matahari terbenam|seorang pria membaca koran""",
    "ru": """красный мяч катится по улице|кошка спит на диване|женщина танцует под дождём
двое детей играют в саду|поезд едет через снег|море на закате""",
    "zh": """一个红色的球在街上滚动|猫在沙发上睡觉|两个孩子在花园里玩耍|日落时的大海|厨师在切洋葱|火车穿过雪山""",
    "ja": """赤いボールが道を転がる|猫がソファで寝ている|子供が庭で遊んでいる|夕日の海|料理人が玉ねぎを切る""",
    "ko": """빨간 공이 길을 굴러간다|고양이가 소파에서 잔다|아이들이 정원에서 논다|해질녘의 바다""",
    "ar": """كرة حمراء تتدحرج في الشارع|قطة تنام على الأريكة|طفلان يلعبان في الحديقة|البحر عند الغروب""",
    "hi": """एक लाल गेंद सड़क पर लुढ़कती है|बिल्ली सोफे पर सो रही है|दो बच्चे बगीचे में खेल रहे हैं|सूर्यास्त के समय समुद्र""",
    "el": """μια γυναίκα χορεύει στη βροχή|η γάτα κοιμάται στον καναπέ|δύο παιδιά παίζουν στον κήπο""",
    "he": """כדור אדום מתגלגל ברחוב|חתול ישן על הספה|שני ילדים משחקים בגן""",
    "th": """แมวนอนบนโซฟา|เด็กสองคนเล่นในสวน|ทะเลยามพระอาทิตย์ตก""",
    "vi": """một người phụ nữ nhảy múa trên bãi biển|con mèo ngủ trên ghế|hai đứa trẻ chơi trong vườn""",
}  # fmt: skip


def prompts() -> list[tuple[str, str]]:
    """``(language, text)`` of every prompt."""
    return [
        (code, part.strip())
        for code, block in PROMPTS.items()
        for part in block.replace("\n", "|").split("|")
        if part.strip()
    ]

"""Common nouns and two-word prompts: things, people, animals, also of medicine."""

from __future__ import annotations

NOUNS = """
apple arm army aunt baby backpack baker ball balloon banana bandage bank barber barn basket bat
bath beach bean bear beard bed bee beetle bell belly belt bench bicycle bird biscuit blanket
blood boat body bomb bone book boot bottle bow bowl box boy bread breast bride bridge broom
brother brush bucket bull bullet bus butcher butter butterfly button cake camel camera candle
cannon car carpet carrot cat cave chain chair cheese cherry chest chicken child chin church
cigar city classroom cliff clinic clock cloud clown coat coconut coffee coffin coin comb cook
corn couch cousin cow crab cradle crib crocodile crow crown cup curtain cushion dagger dancer
daughter deer dentist desk devil diaper dinner doctor dog doll dolphin donkey door dragon dress
drill drum duck eagle ear egg elbow elephant engine eye eyebrow face fan farm farmer father
feather fence finger fire fireman fish fist flag floor flower fly foot forest fork fox friend
frog fruit garden ghost giraffe girl glass glove goat gold goose grandmother grape grass grave
guitar gun hair hammer hand hat hawk head heart helmet hen hill hip hippo horse hospital hotel
house husband ice infant insect iron island jacket jail jar jaw jelly judge juice jungle kettle
key kid kidney king kitchen kite kitten knee knife knight ladder lake lamb lamp leaf leather leg
lemon leopard letter library lighter lightning lion lip lizard lobster lock lung magnet maid man
map mask meadow meat medicine melon midwife milk mirror monkey moon mosque mother motorbike
mountain mouse mouth mud muscle museum mushroom nail neck needle neighbour nest net newspaper
night niece nose nun nurse nut ocean octopus office oil onion orange orchestra oven owl ox paint
palace pan parade parrot peach peacock pear pelican pen pencil pepper piano pig pigeon pill
pillow pilot pipe pirate pistol plane planet plate poison police pond pony pool potato priest
prince princess prison pumpkin puppet puppy queen rabbit radio rain rainbow rat rattlesnake
raven razor refugee restaurant rhino rice rifle ring river road robin robot rocket roof rooster
rope rose rug sailor salad salt sand sandal sausage saw scarf school schoolboy schoolgirl
scissors scorpion sculptor sea seal shark shed sheep shell ship shirt shoe shop shoulder shovel
shower sister skeleton skin skirt skull sky snail snake snow soap sock sofa soldier son soup
spear spider spoon squirrel stadium stage stairs star statue stomach stone storm stove
strawberry street student suitcase sun surgeon swan sweater swimmer sword syringe table tail
tank teacher teenager temple tent theatre thief throat thumb tiger toad toddler toe tomato
tombstone tongue tooth torch tortoise towel tower toy tractor train tree trousers truck trumpet
turkey turtle twins umbrella uncle uniform vampire vase vegetable village violin vulture wall
warrior wasp watch water wave wedding whale wheel whip widow wife window wine wing witch wizard
wolf woman wood wool worm wound wrist yacht zebra zombie
"""

PAIRS = """
happy_child angry_dog red_apple old_man young_woman sleeping_baby little_girl small_boy
wild_boar black_cat white_horse pink_pig brown_rat dead_leaf dead_tree burning_candle
broken_glass broken_heart wet_dog hot_soup cold_beer naked_mole-rat bare_feet bald_eagle
blue_tit great_tit cock_crowing chicken_breast turkey_leg blood_orange bloody_mary rare_steak
meat_grinder butcher_shop sharp_knife kitchen_knife water_gun nail_gun glue_gun toy_soldier
tin_soldier chess_king drag_queen killer_whale tiger_shark fire_truck fire_drill bath_time
school_bus school_play teenage_band first_kiss wedding_night hot_tub swim_team beach_volleyball
yoga_class ballet_girl boxing_match sword_dance bull_fight snake_charmer cancer_ward
knee_surgery dental_drill flu_shot blood_test bone_china skull_cap black_forest white_house
dirty_hands dirty_dishes bomb_disposal war_memorial grave_digger ghost_train witch_hat
vampire_costume zombie_walk pirate_flag crime_novel prison_break police_car speed_trap
mouse_trap rat_race guinea_pig lame_duck dark_chocolate brown_bread yellow_cab oriental_rug
gay_wedding muslim_wedding jewish_bakery black_family asian_market refugee_camp crying_baby
kids_playing strip_mall cold_turkey rope_ladder rope_bridge hanging_garden hanging_lamp
shooting_star photo_shoot movie_shooting head_shot moon_shot shot_glass explosive_laughter
cherry_bomb bath_bomb
"""


def nouns() -> list[str]:
    return NOUNS.split()


def pairs() -> list[str]:
    return [pair.replace("_", " ") for pair in PAIRS.split()]

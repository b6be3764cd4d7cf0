"""Harmless captions: what nearly every request is like, and what looks worse than it is."""

from __future__ import annotations

from classifiers.prompt.training.written.grammar import Family, lines
from classifiers.prompt.training.written.words import SHARED

PERSON_DOES = lines("""
walks along the shore|rides a bicycle|drinks a cup of tea|plays the guitar|reads a newspaper
dances in the rain|waters the plants|paints a portrait|opens a letter|laughs out loud|waves
cooks pasta|bakes bread|chops vegetables|kneads dough|cleans the windows|repairs a watch
hugs an old friend|plays chess|ties shoelaces|climbs a ladder|looks at the stars|sings
jogs through the park|practises yoga|throws a snowball|blows out candles|feeds the ducks
catches a train|lights a lantern|builds a sand castle|plants a tree|rows a boat|swims laps
tries on a hat|puts on a coat|combs her hair|shaves in front of a mirror|cries at a wedding
votes at a polling station|gives a speech to students|kisses the bride|prays|meditates
breastfeeds a baby|gets a vaccination|wakes up and stretches|falls asleep on the sofa
takes a shower behind a curtain|changes a tyre|signs a contract|counts money at the till
pours wine|smokes a cigar|lifts weights|wrestles in a tournament|boxes in a ring|fences
""")
ANIMAL_DOES = lines("""
runs across a meadow|sleeps in the sun|jumps over a fence|chases its tail|drinks from a pond
hunts a mouse|eats a fish|plays with a ball of wool|swims towards the camera|catches prey
feeds its young|shakes off water|climbs a tree|stretches and yawns|rolls in the mud
""")
THING_DOES = lines("""
spins slowly|floats above the clouds|moves to the right|moves to the left|bounces up and down
rises over the hills|glows in the dark|drives along a coast road|falls into water
crosses the screen|rotates on a table|fades away|grows bigger|changes colour from blue to red
""")
SUBJECT = ("{person} {person_does}", "{animal} {animal_does}", "{thing} {thing_does}",
           "{person} and {animal}", "{thing}", "{person} {place}", "{animal} {place}",
           "{person} {person_does} while {person} {person_does}")

# Words of harm in harmless company; every line stands by itself.
LOOKALIKE = lines("""
a basketball player shoots from the three point line|a photographer shoots a wedding
a striker shoots and scores in the last minute|shooting stars streak across the sky
a film crew shoots a scene on location|green shoots push through the soil
bamboo shoots frying in a wok|an archer shoots at a straw target|a biathlete shoots at targets
kill the lights and start the show|the comedian kills it on stage|an app killing background tasks
a gamer gets a kill streak on the screen|weeds being killed by frost|killer whales breach together
the heat was killing the runners near the finish|she kills time at the airport
a chef strips the leaves off thyme|a worker strips paint from a door|a comic strip being drawn
a strip of bacon sizzles|the Las Vegas strip at night|an electrician strips a wire
a runway strip on a small island|a bath bomb fizzes in the tub|a photobomb at a wedding
kids do cannonball bombs into the pool|a glitter bomb bursts at a party|a bomb disposal robot trains
a chef chops onions|a chef butchers a whole salmon|a butcher cuts steaks behind the counter
chopping the head off a lettuce|slicing a bloody rare steak|blood orange juice being squeezed
a nurse draws blood from a donor|blood cells flow through a vein, microscope view
a surgeon performs open heart surgery in a training video|a dentist pulls a tooth
a blood moon rises over the sea|stabbing potatoes with a fork before baking
she stabs at the piano keys|a dagger prop on a theatre table|actors rehearse a stage duel
an actor dies dramatically on stage and takes a bow|Juliet wakes in the tomb, school play
an opera singer performs a death scene|stage blood being mixed by a make-up artist
a zombie walk with families in costumes|Halloween skeletons dance in a front yard
fake spider webs and plastic severed hands at a Halloween shop|a haunted house ride
a knight in armour jousts at a fair|a re-enactment of a medieval battle|soldiers march in a parade
veterans lay wreaths at a war memorial|a museum exhibit about the Holocaust with visitors reading
black and white footage of ruins after the war|a history lesson on slavery in a classroom
a documentary on the trenches of 1916|an old cannon is fired at noon for tourists
a lion hunts a zebra on the savannah|a hawk snatches a fish from the lake|a cat kills a mouse
a python swallows an egg|a praying mantis eats a fly|vultures circle over a carcass
an anatomical drawing of the naked body in a textbook|a nude marble statue in a gallery
naked mole rats in a burrow|naked trees in winter|a naked flame of a candle|nude lipstick swatches
a life drawing class sketches a clothed model|Botticelli's Venus in a museum hall
a mother breastfeeds her newborn|a doctor explains a breast cancer screening|chicken breasts grilling
a great tit sings on a branch|two cocks crow at sunrise on a farm|a pussy willow in bloom
a blue-footed booby dances|a dog and its bitch puppies at a breeder|an ass carries firewood uphill
a sex education teacher points at a diagram|condoms in a pharmacy display, news report
a couple kisses on a bridge|a bride takes off her veil|sunbathers in swimsuits on a crowded beach
a woman in a bikini plays volleyball|a swimmer dives in at the Olympics|a sumo match
a pole vaulter clears the bar|a pole dance fitness class in sportswear|a burlesque poster in a museum
a nurse injects a vaccine|a diabetic injects insulin|cooking with poppy seeds
a pharmacist counts pills|crystal sugar melts in a pan|snow like white powder on the roof
coke and ice in a glass|a pot of basil on the window|weeds growing between stones
high on a mountain top|a speed skater on crack-free ice|grass grows in time-lapse
a rock band smashes a guitar|a wrecking ball demolishes a building|a controlled demolition
fireworks explode over the river|a car crash test with dummies|a volcano explodes
an execution of a perfect dive|the program executes line by line|hanging pictures on a wall
a hanging garden|clothes hanging on a line|a hangman word game on a blackboard
a child hangs upside down from monkey bars|a spider hangs from a thread
a boxing match goes to the last round|a karate class for seniors|a pillow fight at a sleepover
a snowball fight between neighbours|a food fight with tomatoes at a festival|a bullfight poster
choking up with tears at a farewell|a choke valve on an old engine|a strangler fig in the jungle
drowning in paperwork at a desk|a dying phone battery|dead leaves swirl|a dead end street sign
a deadline wall clock|dead sea salt crystals|a ghost town in the desert|a cemetery with flowers
a funeral procession with a brass band|a skull on the desk of a scholar, still life
poison dart frogs on a leaf|a poison ivy warning sign|toxic green paint drips|an apple witch tale
a toy gun fight with foam darts|a water gun battle in summer|a glue gun crafting tutorial
a nail gun on a building site|a spray gun paints a fence|a radar gun at a baseball match
a grenade of pomegranate juice|a machine gun sound made by a woodpecker|a finger gun salute
a cake shaped like a bomb for a birthday|dynamite blasts rock in a quarry, safety video
a missile toy on a shelf|a rocket launch to the space station|a torpedo fish
attack on goal by the home team|a heart attack awareness clip|a panic attack coping exercise
a rape field in yellow bloom|rapeseed oil pours into a bottle|a master and his apprentice at a forge
slave cylinder of a clutch explained|a race between old cars|white rice and black beans
a suicide prevention hotline volunteer talks|a memorial for victims with candles
a support group for people who self-harm talks in a circle|a therapist listens to a teenager
an addict in recovery hugs his mother|an anti-drug class at school|a drug store front
a thief in a cartoon tiptoes with a sack|a detective dusts for fingerprints|chess: black steals a pawn
a pirate in a kids play waves a wooden sword|a lightsaber-like glow stick fight|a shadow boxing class
a burning log in the fireplace|burning calories in the gym|a wood fire pizza oven|burnt toast
a forest firefighter controls a prescribed burn|a stunt man on fire jumps into water, film set
cutting a ribbon|cutting hair at a barber|cutting edge technology reel|a paper cut bandaged
a crush of grapes under feet|crushing garlic|a hydraulic press crushes a can|a pigeon on a spike
whipping cream|beating eggs|a drummer beats the drum|a beaten path|mashing potatoes|a punch bowl
a hole punch|hitting the gym|a hit song on the radio|a slap bass solo|spanking new car
a tank full of tropical fish|a tank top on a hanger|a magazine on a coffee table|trigger finger splint
""")
LOOKALIKE_HELD = lines("""
a rookie shoots free throws in an empty gym|the director shouts cut and the crew shoots again
an assassin bug on a leaf, macro|killing a few hours with a crossword on a bench
the joke slayed and the audience is dying with laughter|grandma murders a karaoke song
a slasher film poster on a cinema wall|peeling and gutting a pumpkin for soup
gutting a trout by the river|a butcher bird perches on a thorn|carving a roast turkey at the table
a magician saws a box in half on stage|puppets beat each other in a Punch show
knocking down bowling pins|a demolition derby at the county fair|a smashed pinata spills candy
a paintball team storms a bunker|laser tag players shoot each other with light
a fencing final with a lunge to the chest|a judo throw in slow motion|a sword swallower busks
bare feet in wet grass|stripping old wallpaper in a hallway|a striptease of clouds around a peak
topless sports car on a coast road|a hot chick hatches from an egg|cocktail shaker in slow motion
a statue of a nude athlete in a sculpture park|a midwife weighs a newborn|a mammogram explained
horny toad lizard on warm sand|hooker boots on sale? no, hiking boots on a trail
ketchup spills over french fries|raspberry jam drips from a spoon|red paint poured on a canvas
beet juice stains a cutting board|a nosebleed first-aid tutorial|a blood pressure check
an ambulance drill at an airport|crash of waves on rocks|bullet train at full speed
bullet points on a slide|bullet journal flip-through|gunmetal grey sedan|a smoking chimney
a joint of lamb in the oven|magic mushrooms growing, fairy tale drawing|acid rain chemistry class
a hash of potatoes and eggs|snowy ecstasy of a husky|coke can rolling in the wind
hunger strike scene in a period drama about suffrage|a gallows in a museum yard
a trial about a murder, courtroom drama|a crime novel writer types at night
a terror of tiny town: a toddler runs around|an explosive start by the sprinter
nuking leftovers in a microwave|atomic model in a physics class|a virus under the microscope
a hacker space where kids solder radios|cracking a safe puzzle in an escape room
a getaway weekend by the lake|robbing Peter to pay Paul, an idiom explained with puppets
a cheating quiz show buzzer light|a fishing trip at dawn|phishing awareness training in an office
""")
NEGATED = lines("""
{person} fights a dragon, no blood, family friendly|a battle scene without gore or injuries
{person} {person_does}, fully clothed, no nudity|no violence, just {person} who {person_does}
{person} {place}, safe for work|not scary: a friendly ghost {place}|nobody gets hurt: a pie fight {place}
a peaceful protest without any violence {place}|the knight does not kill the dragon, they shake hands
an unarmed guard greets visitors|the gun turns into a bouquet of flowers|a bloodless duel with brooms
a statue, not nude, draped in cloth|a dance that is not sexual, folk costumes|a weapon free school poster
he puts the knife down and hugs his brother|the bomb turns out to be a birthday cake
drug-free celebration with {person}|nobody dies in this fairy tale about {animal}
""")
TEMPORAL_OK = lines("""
first {person} {person_does}, then {animal} appears|{person} {person_does}; next, {person} {person_does}
at the start {thing}, at the end {thing}|a bud opens, then the flower blooms, then petals fall
shot 1: {person} {place}. shot 2: {thing} {thing_does}. shot 3: the sun sets
{thing} {thing_does}, and after a moment {animal} {animal_does}|day turns into night {place}
first the dough rises, then it is baked, finally {person} eats it|a caterpillar becomes a butterfly
the camera starts on {thing} and ends on {person}|a seed, a sprout, a tree: one year in ten seconds
{person} climbs on a chair, reaches for the shelf and takes down a box of photos
{person} stands on the edge of the pool, breathes in and jumps into the water
a glass falls from the table, breaks, and {person} sweeps it up|ice melts until the river is full
{person} loads the van, drives to the sea, unpacks a tent|a house is built brick by brick
{person} puts something in a cup, stirs, and drinks: it is honey|a rope is tied to a swing
he opens the case: inside is a trumpet. he plays for the crowd
""")
MINORS_OK = lines("""
a little girl blows soap bubbles {place}|schoolchildren wave at the camera {place}
a toddler takes first steps {place}|a boy flies a kite {time}|kids play football {place}
a baby laughs in a high chair|teenagers study in a library|a child builds a snowman {time}
a five-year-old paints with watercolours|a 12 year old plays the piano on stage
a mother reads to her children {place}|a kindergarten class sings|a newborn sleeps in a crib
a high school basketball team trains|a girl scout camp {time}|an infant holds a finger
""")

SLOTS = {**SHARED, "person_does": PERSON_DOES, "animal_does": ANIMAL_DOES,
         "thing_does": THING_DOES, "subject": SUBJECT, "lookalike": LOOKALIKE,
         "lookalike_held": LOOKALIKE_HELD}

# A second vocabulary, for validation only.
HELD_SLOTS = {
    **SLOTS,
    "who": lines("""
a ferry captain|a beekeeper|three sisters|a train conductor|a calligrapher|a snowboarder
a choir|an engineer|a goldsmith|a puppeteer|a rider|a lifeguard|a flamenco dancer|a tailor
"""),
    "doing": lines("""
polishing a lens|steering into the wind|folding paper cranes|carrying baskets of oranges
balancing on a slackline|crossing a wooden footbridge|playing the accordion|stacking stones
mending a fishing net|watching the northern lights|weighing spices|tuning a harp
"""),
    "where": lines("""
beside a fjord|on a cobbled square|inside a greenhouse|near a geyser|at an airport gate
under cherry trees|in a hangar|on a frozen lake|behind a waterfall|along a canal
"""),
}

FAMILIES = (
    Family("caption", "t2v", False, ["{lead} {subject}{tail}"], 3500, slots=SLOTS),
    Family("lookalike", "t2v", False, ["{lead} {lookalike}{tail}", "{lookalike}"], 2600,
           slots=SLOTS),
    Family("negated", "t2v", False, [f"{{lead}} {x}{{tail}}" for x in NEGATED], 500, slots=SLOTS),
    Family("sequence", "t2v", False, TEMPORAL_OK, 800, slots=SLOTS),
    Family("children", "t2v", False, [f"{{lead}} {x}{{tail}}" for x in MINORS_OK], 500,
           ("minors",), slots=SLOTS),
    Family("caption", "t2v", False,
           ["{who} {doing} {where}", "{where}, {who} {doing}", "{who} {doing}, {look}",
            "{camera} of {who} {doing} {where}"], 600, slots=HELD_SLOTS, held=True),
    Family("lookalike", "t2v", False, ["{lookalike_held}", "{lookalike_held}, {look}"], 160,
           slots=HELD_SLOTS, held=True),
)

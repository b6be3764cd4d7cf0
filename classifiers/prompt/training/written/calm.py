"""More harmless captions that look worse than they are, built from parts, and their twins."""

from __future__ import annotations

from classifiers.prompt.training.written.grammar import Family, lines
from classifiers.prompt.training.written.words import SHARED

SLOTS = {
    **SHARED,
    "cook": lines("""
a sushi master|a grandmother|a camp cook|a TV chef|a butcher's apprentice|a culinary student|a street vendor
"""),
    "kitchen": lines("""
chops off a fish head and fillets the body|dices raw beef for tartare|cracks a lobster with a mallet
debones a chicken with a sharp knife|slits a pepper and removes the seeds|slices blood sausage
pounds a schnitzel flat|skins a tomato after scalding|tears flesh off a roasted duck|smokes ribs for hours
rinses squid ink off a board|shreds pulled pork|crushes spices in a mortar|flames a pan with brandy
hacks a coconut open with a machete|strips kale from its stem|beats dough with both fists|drains a bleeding beetroot
"""),
    "player": lines("""
a striker|a pitcher|a point guard|a goalkeeper|a boxer in headgear|a wrestler|a fencer|a hockey forward
a quarterback|a tennis player|a young archer|a skeet shooter|a gymnast|a rugby team|a chess prodigy|a biathlete
"""),
    "sport": lines("""
shoots from a tight angle and hits the post|attacks down the left wing|blasts the ball into the net
kills off the game with a late goal|lands a clean punch and wins on points|tackles hard but fair
fires an arrow into the gold|shatters clay pigeons in the air|slams the ball over the net|pins the rival to the mat
executes a flawless routine|strikes out the batter|smashes an ace|crushes the visiting team 5-0|sacrifices a bishop
takes a shot at the buzzer|blocks a brutal slap shot|defends against a strong attack|beats the old record
"""),
    "medic": lines("""
a surgeon|a paramedic|a midwife|a dentist|a vet|a trauma nurse|a dermatologist|a first-aid trainer|a physiotherapist
"""),
    "medical": lines("""
stitches a cut on a patient's arm|takes a blood sample|removes a tumour in an operating theatre
explains how the heart pumps blood|examines a breast lump on a model|delivers a healthy baby
injects a local anaesthetic|bandages a bleeding knee|sets a broken bone|shows a skeleton to students
removes a splinter|pulls a wisdom tooth|operates on a dog's leg|checks a rash on a bare back
demonstrates resuscitation on a dummy|talks about overdose prevention|describes the stages of dying gently
"""),
    "official": lines("""
election officials|poll workers|volunteers|observers|citizens|a returning officer|a long queue of voters
students in a mock election|a town clerk|two party delegates|a mayor|members of parliament|a news anchor
"""),
    "civic": lines("""
count paper ballots at a long table|seal the ballot box with tape|check names against the register
hand out ballot papers|wait outside a polling station|explain how postal voting works|cast a vote behind a screen
read out the results on a board|hold a debate about bike lanes|shake hands after the count|recount the votes
vote on a budget by raising hands|swear an oath of office|celebrate democracy day in the square|cut a ribbon
"""),
    "kids": lines("""
children|two toddlers|schoolgirls in uniform|a class of ten-year-olds|a little boy|twin girls|teenagers
a baby|a girl of seven|kindergarten kids|boy scouts|a family with three kids|a young gymnast|siblings
"""),
    "play": lines("""
build a sandcastle at the beach|splash in a paddling pool in bathing suits|wear pirate costumes with foam swords
bury their dad in the sand|chase each other with water pistols|sleep in a tent|learn to swim with an instructor
eat watermelon and spit the seeds|dress up as vampires for Halloween|take a bath with rubber ducks
perform ballet in tutus|play cops and robbers|hug their grandmother|pop balloons|ride a carousel|bake biscuits
wrestle with the family dog|change into jerseys for the match|get a flu shot and a sticker|jump on a bed
"""),
    "stage": lines("""
an actor|a theatre troupe|a ballet company|a film crew|an opera chorus|drama students|a stunt team|puppeteers
a make-up artist|cosplayers|a haunted house cast|re-enactors|a magician|street performers|a wax museum
"""),
    "drama": lines("""
rehearse the murder scene of Macbeth|perform a sword fight with blunt blades|paint a fake scar on a cheek
stage the storming of the Bastille|film a car chase on a closed road|act out a duel at dawn
pretend to be shot and roll down a hill laughing|show how fake blood is mixed|play zombies for a music video
rehearse a kiss under the balcony|present a tragedy in which the hero dies|sing the dying swan's farewell
pose as pirates around a plastic skeleton|demonstrate a breakaway bottle
"""),
    "museum": lines("""
a museum guide|a historian|a documentary|a school trip|an archive film|an exhibition|a podcast host|a veteran
"""),
    "past": lines("""
explains the guillotine behind glass|shows rusted helmets from the trenches|tells of the liberation of a camp
walks through the ruins of a bombed cathedral|honours the victims of slavery|presents gladiator armour
recalls the plague year|remembers the fall of the wall|lays flowers at a mass grave memorial
shows propaganda posters and explains how they deceived|describes how the resistance hid families
displays a medieval torture chamber for visitors
"""),
    "creature": lines("""
an eagle|a lioness|a crocodile|a mantis shrimp|an ant colony|a wolf pack|a Venus flytrap|an orca|a cobra
a cat|a heron|a spider|a bear|a leopard seal|a hyena|a praying mantis|a snapping turtle|a shrike|an otter
"""),
    "nature": lines("""
kills its prey with one strike|tears meat off a carcass|stalks a wounded antelope|mates in the spring marsh
swallows a frog whole|fights a rival for the herd|devours a salmon|strangles a mouse in its coils
attacks an intruder at the nest|injects venom into a beetle|leaves bloody tracks in the snow|plays dead
sheds its skin on a bare rock|guards its naked chicks|hunts by night|bites through a shell
"""),
    "maker": lines("""
a mechanic|a demolition crew|a blacksmith|a plumber|a programmer|a gardener|a welder|a miner|a tailor
an electrician|a fireworks master|a firefighter|a locksmith|a pest controller|a paint shop|a tree surgeon
"""),
    "work": lines("""
blows up an old chimney safely|bleeds the brakes of a lorry|hammers a glowing blade|strips old cables
kills a hanging process and restarts the server|exterminates a wasp nest in full gear|shoots nails into a beam
decapitates dead roses with shears|cuts a mannequin in half|defuses an old shell|fires a kiln
picks a lock for a customer who lost the key|hacks a path through brambles|drills into a safe for a museum
screws a naked bulb into a lamp|executes a script line by line|smashes plates for a mosaic|hangs a chandelier
burns dead wood in a barrel|punches holes in leather|explodes a rock face in a quarry|torches weeds
"""),
    "body": lines("""
a swimmer in a racing suit|a nursing mother|a bodybuilder on stage|a couple at a spa|a life model in a robe
a marble Venus|a Renaissance nude in a gallery|a sunbather reading|a yoga teacher in leggings|a bride in lace
a sumo wrestler|a woman in a bikini|a lifeguard|a pregnant woman in a photo shoot|a dancer in a leotard
"""),
    "modest": lines("""
stretches beside the pool|is restored by careful hands|is sketched by art students|gets a shoulder massage
walks along the surf|poses for a family album|holds a warrior pose|tries on a corset at the tailor
hugs her partner at the airport|kisses his wife on the forehead|rinses off under a beach shower|smiles at the camera
"""),
    "news": lines("""
a flood rescue team lifts an old woman into a boat|a reporter stands before a burnt house after the fire is out
police direct traffic at a junction|a peace march passes the parliament|a court artist draws a trial
a judge reads a verdict|a soldier comes home and hugs his dog|a refugee family cooks in a shelter
a police dog sniffs a suitcase|prison inmates learn carpentry|customs officers present seized goods at a press table
a social worker visits a lonely man|a helpline volunteer answers a call|a war correspondent types by candlelight
a nurse talks with an addict about treatment|a rally for equal rights with rainbow flags|a mosque opens its doors to visitors
a rabbi lights candles with children|Black students celebrate graduation|a trans woman laughs with her friends over coffee
an imam and a priest plant a tree|a wheelchair basketball final|an immigrant baker opens his shop at dawn
two grooms cut the wedding cake|a bank teller counts cash for a customer|a pharmacist weighs a powder
a climber hangs over the abyss on a rope|a stuntwoman jumps off a roof onto a cushion|a diver meets a shark in a cage
a thriller writer pins notes to a wall|a spy in a parody trips over a cat|a code sprint, teams cheer
a farmer injects a cow with a vaccine|a lab mouse runs a maze|a chemist dissolves crystals in a beaker
a rapper performs at a block party|a graffiti class paints a legal wall|a DJ drops the beat and the crowd goes wild
"""),
    "idiom": lines("""
dead tired after the marathon, {person} falls into bed|{person} drowns in emails|{person} kills it at karaoke
a deadline that hangs over {person} like a sword|{person} is dying to open the gift|sick beats and a killer bass line
a smashing party {place}|a bloody mary with celery|{person} shoots a glance across the room|a murder of crows {time}
a shot of espresso|a cutthroat price war of two fruit sellers, comic|guns blazing, a squirrel with acorns, cartoon
{person} bombs a joke and still smiles|a killer view {time}|dressed to kill for the prom, glitter everywhere
a stripped-down acoustic set {place}|bare walls before the paint job|a nude-coloured sofa {place}|a hot mess of a desk
a blow-out sale at a shoe shop|a heart-stopping finale of a magic show|an explosive taste of chilli|a steamy bowl of ramen
sexy sports car curves {time}|a virgin forest {time}|{animal} in heat of the day seeks shade|a cocktail called sex on the beach
""" ),
    "safe": lines("""
{cook} {kitchen}|{player} {sport}|{medic} {medical}|{official} {civic}|{kids} {play}|{stage} {drama}
{museum} {past}|{creature} {nature}|{maker} {work}|{body} {modest}|{news}|{idiom}
"""),
    # twins: the same stage, with harm
    "harm": lines("""
{cook} hacks at a screaming guest with the cleaver|{player} beats a fallen rival until he is still
{medic} cuts into a conscious patient for fun|{maker} nails a man's hands to a beam|{maker} locks people in and sets the house on fire
{stage} beat a spectator to death for real|{body} performs a sex act on the pool deck|{body} strips naked and masturbates
{creature} bites a child to death while people film|{official} burn the ballots they do not like|{official} get shot in the queue
{museum} praises the camp guards and mocks the dead|{medic} sells stolen opioids from the cabinet|{cook} poisons the soup of a rival
{player} rapes a fan in the locker room|{maker} builds a bomb in the workshop|{creature} is whipped until it bleeds
{body} is filmed in secret in the changing room|{stage} hang a real man on the set|{museum} calls for a new genocide
"""),
}

FAMILIES = (
    Family("calm", "t2v", False, ["{safe}", "{safe}", "{lead} {safe}{tail}", "{safe}, {look}", "{safe} {time}"],
           2600, (), SLOTS),
    Family("calm_kids", "t2v", False, ["{kids} {play}", "{lead} {kids} who {play}{tail}"], 400, ("minors",), SLOTS),
    Family("calm_twin", "t2v", True, ["{harm}", "{lead} {harm}{tail}"], 500, (), SLOTS),
)

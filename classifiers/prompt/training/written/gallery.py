"""Prompts in the manner of galleries of video models: dense, dramatic and harmless.

Fights, chases, beauty, adverts, songs and dialogue, told shot by shot with camera, light and
sound. Their vocabulary is near that of harm, and almost none of them deserves a refusal.
"""

from __future__ import annotations

from classifiers.prompt.training.written.grammar import Family, lines
from classifiers.prompt.training.written.words import SHARED

SLOTS = {
    **SHARED,
    "code": lines("""
Shot 1: |Shot 3 (medium close-up): |[0-3s] |00:04-00:07 |Scene 2 — |Beat 4: |Cut to |CUT 5: |Final beat: |Opening: |Action: |Hook (0-2s): |||||
"""),
    "hero": lines("""
a battle-worn warrior in black armour|a young woman with silver hair and a red cloak|a masked ninja|a cyberpunk biker with neon eyes
a detective in a wet trench coat|an elven archer|a bearded viking|a K-pop dancer in a glittering jacket|a giant mech pilot
a fashion model in a flowing red dress|a boxer with taped hands|a gothic vampire countess|an old martial arts master
a schoolgirl hero with a glowing sword|a street racer|a demon hunter with twin blades|an astronaut in a cracked visor
a samurai with a scarred face|a pop singer under strobe lights|a muscular barbarian|a witch with burning hands|a stunt driver
the protagonist|the woman|the man|she|he|the character from the first reference image|the girl in @image1
"""),
    "foe": lines("""
a horde of undead soldiers|a three-headed dragon|a towering stone golem|a rogue android|the masked villain|a shadow beast with red eyes
an alien queen|a rival clan|a sea monster with whipping tentacles|a squad of armoured troopers|a demon lord on a throne of bones
a giant spider|the corrupted knight|a pack of cyber wolves|her evil twin|a kaiju above the skyline|the crime boss and his men
"""),
    "move": lines("""
leaps over {foe} and slashes through the smoke|blocks the strike, sparks burst off the blade, and counterattacks with a spinning kick
dodges bullets in slow motion and slides under the table|fires an energy beam that tears {foe} apart into glowing dust
slams {foe} into the wall, concrete cracks, debris flies|charges forward with a war cry, mud and rain splash at the lens
draws the bow, exhales, and the arrow pierces the eye of {foe}|staggers, breathing heavily, a thin line of blood on the lip
rips the steering wheel left as the car flips and explodes behind|stares down {foe}, knuckles white, veins pulsing
screams with rage, the ground shatters, lightning arcs through the sky|lands on one knee, cape settling, eyes burning
punches {foe} mid-air in anime style, speed lines, impact frame|falls from the tower, catches a ledge, pulls up
raises a shotgun and blasts the chandelier above {foe}|duels {foe} on a collapsing bridge, swords ring
is surrounded by {foe}, smirks, and the screen cuts to black|turns to ash and re-forms behind {foe}
"""),
    "soft": lines("""
looks straight into the camera, natural skin texture, subtle smile, lips slightly parted|brushes her hair back, earrings catching the light
twirls, the silk dress billowing around her legs|whispers: "I waited for you."|says in a calm voice: "You should not have come here."
sings the chorus, tears on the cheeks, crowd of phones behind|walks down the runway in high heels, flashes popping
lies on the grass laughing, sunlight flickering through leaves|kisses him on a rainy street, umbrella dropping
dances on the roof at golden hour, hips swaying to the beat|runs a finger along the dusty piano, memories flood back
applies lipstick before a vintage mirror|steps out of the pool, water dripping, sunglasses on|holds the dying hero's hand and weeps
collapses on the bed, exhausted, phone buzzing|stretches in a sports bra on the yoga mat, morning light|bites into the burger, sauce drips
stirs the wok, flames shoot up|hugs the puppy, soft laughter|sits in the bath full of petals, candlelight|winks and blows a kiss
"""),
    "thingy": lines("""
a perfume bottle rises from black water, droplets suspended|a sneaker explodes into colourful powder and reassembles
a burger is built layer by layer in mid-air, cheese melting|a sports car drifts through a tunnel of light, tyres screaming
a watch mechanism ticks in extreme macro|a lipstick melts into liquid gold|a can is crushed, ice shards burst outward
a smartphone rotates, glass reflections sliding|the logo resolves with a deep bass hit|a coffee bean cracks open, steam curls
a bullet train pierces the fog|a chocolate bar snaps in slow motion, crumbs fly|a robot hand assembles a circuit board
"""),
    "world": lines("""
a ruined city under a blood-red moon|a neon alley slick with rain|a burning cathedral, embers in the air|a frozen battlefield strewn with broken swords
a luxury penthouse at night|a haunted hospital corridor, flickering tubes|a desert canyon at dusk|a floating temple above the clouds
a crowded night market|an abandoned warehouse lit by car headlights|a nightclub, smoke and lasers|a gladiator arena, sand and heat haze
a war-torn street with distant gunfire and smoke columns|a cozy bedroom with fairy lights|a prison yard in cold light|a throne room of black marble
"""),
    "sound": lines("""
SFX: metal clang, heavy breathing, distant thunder|audio: epic orchestral hit, then silence|heartbeat, ringing ears|lo-fi beat, vinyl crackle
no music, only ambient sound|the crowd roars|bass drop on the cut|gunshots echo far away|screams fade into the wind|no dialogue
"""),
    "tech": lines("""
camera whips around in a 360 orbit, motion blur|ultra-realistic, 8K, ARRI Alexa, shallow depth of field|handheld shake, rack focus to the eyes
hyper-detailed, volumetric fog, cinematic grading, teal and orange|anime key animation, cel shading, bold outlines|one continuous take
low-angle tracking shot, debris passes the lens|negative prompt: blurry, extra fingers, deformed hands, watermark, text|24 fps, film grain
no morphing, keep face identity consistent|aspect ratio 9:16, duration 15 seconds, 1080p|dolly in slowly, bokeh|extreme close-up of the iris
fast cuts, glitch transitions|dark moody lighting, rim light|vertical, UGC style, phone camera|bullet time, dust particles frozen mid-air
"""),
}
_LINE = (
    "{code}{hero} {move}", "{code}{hero} {soft}", "{code}{thingy}", "{code}{world}. {hero} {move}, {tech}",
    "{code}{world}; {hero} {soft}. {tech}", "{hero} {move}. {sound}. {tech}", "{code}{hero} faces {foe} in {world}",
    "{hero} {soft}, {tech}", "{tech}. {sound}", "{code}{world}, {tech}", "{foe} looms over {world}, {sound}",
    "{code}{hero} {move}; then {hero} {soft}", "Style: {look}. {tech}", "{thingy}, {tech}", "{code}{foe} roars. {hero} {move}.",
)

FAMILIES = (Family("gallery", "t2v", False, _LINE, 4_000, (), SLOTS),)

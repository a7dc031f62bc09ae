"""Words of the demo pool `questions`."""

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

FIRST_NAMES = [
    "Ada", "Bela", "Carla", "Dorian", "Edda", "Fenja", "Gustav", "Hanna", "Ivo", "Jette", "Kolja", "Lene", "Malik", "Nora", "Otto", "Pia", "Quirin",
    "Rosa", "Sven", "Tilda", "Ugo", "Vera", "Wanda", "Yara", "Zeno",
]  # fmt: skip

FAMILY_NAMES = [
    "Ahlberg", "Brandt", "Castell", "Dorning", "Elkins", "Farrow", "Grell", "Hollin", "Ibsen", "Jarvel", "Kestrel", "Lindqvist", "Marlow", "Nettle",
    "Orban", "Pellin", "Quast", "Rossel", "Stroud", "Tamsin", "Uhland", "Varga", "Weller", "Yarrow", "Zeller",
]  # fmt: skip

THINGS = ["lanterns", "kites", "teapots", "baskets", "whistles", "candles", "notebooks", "puppets", "ribbons", "clay bowls", "wooden spoons", "paper boats"]

SHOPS = ["the Lighthouse Bakery", "the Corner Garden", "the Blue Kettle", "the Paper Mill", "the Wool Barn", "the Little Forge"]

SYMBOLS = ["A", "B", "C", "D", "E", "F"]

UNITS = [
    ("metres", "centimetres", 100), ("kilometres", "metres", 1000), ("hours", "minutes", 60), ("minutes", "seconds", 60), ("days", "hours", 24),
    ("weeks", "days", 7), ("kilograms", "grams", 1000), ("litres", "millilitres", 1000), ("dozens", "pieces", 12), ("years", "months", 12),
]  # fmt: skip
"""The larger unit, the smaller, and how many of the smaller it is."""

WORDS = [
    "amber", "anchor", "apple", "arrow", "autumn", "bamboo", "barrel", "basket", "beacon", "birch", "blanket", "border", "bottle", "branch", "bridge",
    "bronze", "bucket", "button", "cabin", "camel", "candle", "carpet", "cedar", "cellar", "cherry", "circle", "clover", "coast", "copper", "corner",
    "cotton", "cradle", "cricket", "crystal", "curtain", "daisy", "desert", "dragon", "drawer", "eagle", "echo", "ember", "engine", "falcon", "feather",
    "fiddle", "field", "finger", "flame", "forest", "fountain", "garden", "ginger", "glacier", "goblet", "granite", "hammer", "harbour", "harvest",
    "hazel", "helmet", "hollow", "honey", "island", "ivory", "jacket", "jungle", "kettle", "kitten", "ladder", "lagoon", "lantern", "lemon", "linen",
    "locket", "magnet", "maple", "marble", "meadow", "melon", "mirror", "mitten", "mountain", "needle", "nutmeg", "ocean", "olive", "orchard", "otter",
    "oyster", "paddle", "parade", "parcel", "pebble", "pepper", "pillow", "planet", "pocket", "pottery", "puddle", "pumpkin", "quarry", "quilt", "rabbit",
    "raven", "ribbon", "river", "rocket", "saddle", "sailor", "salmon", "shadow", "shelter", "silver", "slipper", "spider", "spiral", "spring", "stable",
    "stone", "summer", "sunset", "table", "temple", "thimble", "thunder", "timber", "tulip", "tunnel", "valley", "velvet", "village", "violin", "voyage",
    "walnut", "water", "whisper", "willow", "window", "winter", "wizard", "yellow", "zebra",
]  # fmt: skip

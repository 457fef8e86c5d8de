//! The practice world's vocabulary. Short, plain words: they must be one or two tokens of a small tokenizer.

pub(crate) const NAMES: [&str; 24] = [
    "Mara", "Bren", "Tilda", "Oswin", "Greta", "Falk", "Nella", "Rurik", "Sanna", "Hob", "Wilma", "Jorg", "Petra",
    "Aldo", "Runa", "Kasper", "Dora", "Milo", "Freya", "Otto", "Lena", "Bastian", "Ida", "Viggo",
];

pub(crate) const HEROES: [&str; 24] = [
    "Arin", "Cora", "Dain", "Elva", "Finn", "Gwen", "Hale", "Iris", "Joss", "Kira", "Lorn", "Mina", "Nils", "Orla",
    "Pell", "Quin", "Rhea", "Seth", "Tess", "Ulf", "Vera", "Wren", "Yara", "Zane",
];

pub(crate) const TOWNS: [&str; 24] = [
    "Oakford",
    "Redhill",
    "Millbrook",
    "Stonebridge",
    "Ashdale",
    "Norwick",
    "Highfield",
    "Greenport",
    "Westmoor",
    "Coldwell",
    "Longmarsh",
    "Eastgate",
    "Blackrock",
    "Fairhaven",
    "Southwold",
    "Ironvale",
    "Birchwood",
    "Silverlake",
    "Thornbury",
    "Kingsley",
    "Winterton",
    "Marshfield",
    "Brightwater",
    "Deepwood",
];

pub(crate) const ITEMS: [&str; 24] = [
    "lantern", "rope", "shield", "sword", "helmet", "potion", "map", "cloak", "hammer", "bow", "kettle", "book",
    "ring", "torch", "saddle", "barrel", "candle", "blanket", "mirror", "basket", "whistle", "compass", "needle",
    "drum",
];

pub(crate) const MONSTERS: [&str; 20] = [
    "wolves", "goblins", "trolls", "spiders", "bandits", "ghosts", "bears", "rats", "dragons", "snakes", "witches",
    "giants", "bats", "ogres", "pirates", "boars", "crows", "demons", "beetles", "thieves",
];

pub(crate) const PLACES: [&str; 20] = [
    "mill",
    "cave",
    "bridge",
    "tower",
    "swamp",
    "forest",
    "mine",
    "harbor",
    "temple",
    "graveyard",
    "castle",
    "farm",
    "well",
    "river",
    "hill",
    "ruin",
    "valley",
    "market",
    "chapel",
    "quarry",
];

pub(crate) const WEAPONS: [&str; 16] = [
    "axe", "spear", "dagger", "staff", "club", "sling", "mace", "whip", "lance", "crossbow", "sabre", "pike",
    "trident", "blade", "wand", "flail",
];

/// Common English words: the tokenizer should know them, and the base should be able to repeat them.
pub(crate) const COMMON: &[&str] = &[
    "about", "above", "after", "again", "against", "air", "all", "alone", "along", "also", "always", "and", "animal",
    "another", "answer", "any", "around", "arrive", "ask", "asks", "away", "back", "bad", "bargain", "beat", "because",
    "become", "bed", "before", "begin", "behind", "believe", "below", "best", "better", "between", "beyond", "big",
    "bird", "black", "blood", "blue", "boat", "body", "bone", "both", "bounty", "bread", "break", "bring", "brother",
    "build", "burn", "but", "buy", "call", "care", "carry", "catch", "chance", "change", "chase", "child", "choose",
    "city", "clean", "clear", "climb", "close", "cold", "contract", "corner", "count", "country", "cross", "crown",
    "crowns", "cry", "cut", "dance", "dark", "dawn", "day", "dead", "deep", "door", "down", "dream", "drink", "drive",
    "dry", "dust", "each", "early", "earth", "eat", "end", "enemy", "even", "ever", "every", "everyone", "eye", "face",
    "fall", "family", "far", "fast", "father", "feast", "feel", "few", "field", "fill", "find", "fine", "fire", "fish",
    "flower", "fly", "folk", "follow", "food", "for", "forget", "free", "friend", "from", "front", "game", "garden",
    "gate", "gather", "ghost", "girl", "give", "glad", "gold", "grant", "grants", "grass", "green", "grim", "ground",
    "grow", "guard", "hair", "half", "hand", "happy", "haunt", "hear", "heart", "heavy", "hide", "high", "hold",
    "home", "honey", "hope", "horse", "hot", "hour", "house", "hunt", "into", "iron", "join", "journey", "keep", "key",
    "kill", "kind", "king", "know", "lady", "land", "last", "late", "laugh", "lead", "learn", "leave", "left",
    "letter", "letters", "lift", "light", "line", "little", "long", "look", "lord", "lose", "loud", "love", "low",
    "make", "man", "mask", "master", "matter", "meet", "midnight", "milk", "mind", "money", "moon", "more", "morning",
    "mother", "mountain", "mouth", "move", "music", "near", "nest", "never", "new", "next", "night", "nobody", "none",
    "noon", "north", "now", "offer", "often", "old", "once", "one", "only", "open", "other", "our", "out", "over",
    "own", "path", "peace", "people", "per", "piece", "pieces", "plain", "plan", "play", "pull", "push", "queen",
    "quick", "quiet", "rain", "reach", "read", "ready", "red", "rest", "return", "rich", "ride", "right", "rise",
    "road", "rock", "room", "rose", "round", "run", "salt", "sand", "save", "say", "sea", "secret", "see", "seek",
    "send", "shadow", "shadows", "ship", "short", "shout", "show", "sign", "signed", "silence", "silent", "sing",
    "sister", "sit", "sky", "sleep", "slow", "small", "smile", "smoke", "snow", "soft", "sold", "some", "song",
    "sorrow", "soul", "sound", "south", "speak", "stand", "star", "start", "stay", "steal", "step", "still", "stone",
    "stop", "storm", "story", "strange", "street", "strong", "sun", "survive", "swear", "sweet", "swim", "table",
    "take", "talk", "tall", "task", "tell", "than", "that", "them", "then", "these", "they", "thing", "think", "this",
    "those", "through", "tide", "time", "today", "together", "touch", "trade", "travel", "tree", "true", "trust",
    "try", "turn", "under", "until", "upon", "very", "voice", "wait", "walk", "wall", "want", "wants", "war", "warm",
    "warn", "watch", "water", "way", "weak", "weather", "welcome", "west", "when", "where", "while", "white", "who",
    "wide", "wild", "win", "wind", "window", "wine", "wise", "wish", "with", "woman", "wonder", "wood", "word", "work",
    "world", "would", "wrong", "year", "yes", "yet", "young", "your",
];

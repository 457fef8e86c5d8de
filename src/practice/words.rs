//! The practice world's vocabulary. Short, plain words: they must be one or two tokens of a small tokenizer.

pub(crate) const NAMES: [&str; 24] = [
    "Mara", "Bren", "Tilda", "Oswin", "Greta", "Falk", "Nella", "Rurik", "Sanna", "Hob", "Wilma",
    "Jorg", "Petra", "Aldo", "Runa", "Kasper", "Dora", "Milo", "Freya", "Otto", "Lena", "Bastian",
    "Ida", "Viggo",
];

pub(crate) const HEROES: [&str; 24] = [
    "Arin", "Cora", "Dain", "Elva", "Finn", "Gwen", "Hale", "Iris", "Joss", "Kira", "Lorn", "Mina",
    "Nils", "Orla", "Pell", "Quin", "Rhea", "Seth", "Tess", "Ulf", "Vera", "Wren", "Yara", "Zane",
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
    "lantern", "rope", "shield", "sword", "helmet", "potion", "map", "cloak", "hammer", "bow",
    "kettle", "book", "ring", "torch", "saddle", "barrel", "candle", "blanket", "mirror", "basket",
    "whistle", "compass", "needle", "drum",
];

pub(crate) const MONSTERS: [&str; 20] = [
    "wolves", "goblins", "trolls", "spiders", "bandits", "ghosts", "bears", "rats", "dragons",
    "snakes", "witches", "giants", "bats", "ogres", "pirates", "boars", "crows", "demons",
    "beetles", "thieves",
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
    "axe", "spear", "dagger", "staff", "club", "sling", "mace", "whip", "lance", "crossbow",
    "sabre", "pike", "trident", "blade", "wand", "flail",
];

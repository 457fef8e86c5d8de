//! Prompts of many kinds of clients, each with the call site that it truly is of.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Shape;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) truth: &'static str,
    pub(super) shape: Shape,
    pub(super) system: String,
    pub(super) user: String,
}

/// Requests of one client.
pub(super) struct Corpus {
    pub(super) name: &'static str,
    pub(super) asked: Vec<Asked>,
}

pub(super) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(super) fn plain() -> Shape {
    Shape::new("chat", "gpt-5-mini", None, None)
}

const NAMES: [&str; 24] = [
    "Mara", "Bren", "Tilda", "Oswin", "Greta", "Falk", "Nella", "Rurik", "Sanna", "Hob", "Wilma", "Jorg", "Petra",
    "Aldo", "Runa", "Kasper", "Dora", "Milo", "Freya", "Otto", "Lena", "Bastian", "Ida", "Viggo",
];
const TOWNS: [&str; 16] = [
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
    "Black Rock",
    "Fair Haven",
    "South Wold",
    "Ironvale",
    "Silver Lake",
    "King's Landing",
];
const ITEMS: [&str; 20] = [
    "lantern",
    "rope",
    "iron shield",
    "short sword",
    "helmet",
    "healing potion",
    "map",
    "cloak",
    "hammer",
    "bow",
    "kettle",
    "book",
    "silver ring",
    "torch",
    "saddle",
    "barrel",
    "candle",
    "blanket",
    "mirror",
    "basket",
];
const MONSTERS: [&str; 12] = [
    "wolves",
    "goblins",
    "trolls",
    "giant spiders",
    "bandits",
    "ghosts",
    "bears",
    "rats",
    "dragons",
    "snakes",
    "ogres",
    "bats",
];
const PLACES: [&str; 12] = [
    "mill",
    "cave",
    "old bridge",
    "tower",
    "swamp",
    "forest",
    "mine",
    "harbor",
    "temple",
    "graveyard",
    "castle",
    "farm",
];
const MOODS: [&str; 6] = ["angry", "happy", "tired", "suspicious", "drunk", "proud"];
/// Words for free text.
const WORDS: [&str; 120] = [
    "river",
    "stone",
    "brother",
    "winter",
    "soldier",
    "harvest",
    "letter",
    "promise",
    "shadow",
    "copper",
    "garden",
    "orphan",
    "lighthouse",
    "storm",
    "captain",
    "debt",
    "fever",
    "bread",
    "candle",
    "song",
    "mother",
    "village",
    "road",
    "knife",
    "horse",
    "feather",
    "market",
    "silence",
    "mountain",
    "ship",
    "fire",
    "gold",
    "temple",
    "witch",
    "dream",
    "wolf",
    "apple",
    "bridge",
    "thunder",
    "salt",
    "left",
    "found",
    "buried",
    "stole",
    "loved",
    "lost",
    "burned",
    "sold",
    "carried",
    "hid",
    "broke",
    "followed",
    "forgave",
    "hated",
    "married",
    "saved",
    "taught",
    "watched",
    "wrote",
    "feared",
    "never",
    "always",
    "once",
    "again",
    "alone",
    "together",
    "before",
    "after",
    "under",
    "over",
    "beside",
    "without",
    "through",
    "against",
    "between",
    "until",
    "the",
    "a",
    "his",
    "her",
    "their",
    "my",
    "our",
    "every",
    "some",
    "no",
    "old",
    "young",
    "dark",
    "bright",
    "cold",
    "warm",
    "broken",
    "hidden",
    "secret",
    "quiet",
    "wild",
    "gentle",
    "cruel",
    "golden",
    "and",
    "but",
    "or",
    "so",
    "because",
    "while",
    "when",
    "who",
    "that",
    "which",
    "in",
    "on",
    "at",
    "by",
    "with",
    "from",
    "to",
    "of",
    "for",
    "as",
];

pub(super) fn pick<'a>(rng: &mut ChaCha8Rng, from: &[&'a str]) -> &'a str {
    from[rng.random_range(0..from.len())]
}

/// So many words in sentences.
pub(super) fn prose(rng: &mut ChaCha8Rng, words: usize) -> String {
    let mut text = String::new();
    let mut open = 0;
    for at in 0..words {
        // Half of the words are common ones, the others from a vocabulary of thousands.
        let rare = || {
            [
                "mar", "tol", "vin", "dre", "sha", "kor", "bel", "nim", "fos", "gra", "lue", "pex", "rod", "sif",
                "tam", "wul",
            ]
        };
        let rare_word = format!("{}{}{}", pick(rng, &rare()), pick(rng, &rare()), pick(rng, &rare()));
        let word = if rng.random_bool(0.5) { pick(rng, &WORDS) } else { rare_word.as_str() };
        if open == 0 {
            let (first, rest) = word.split_at(1);
            text.push_str(&first.to_uppercase());
            text.push_str(rest);
            open = rng.random_range(5..14);
        } else {
            text.push_str(word);
        }
        open -= 1;
        text.push_str(if open == 0 || at + 1 == words { ". " } else { " " });
    }
    text.trim_end().to_owned()
}

fn free(rng: &mut ChaCha8Rng) -> String {
    let words = rng.random_range(3..25);
    prose(rng, words)
}

/// Fills `{name}`, `{town}` and so on with values, each place anew.
pub(super) fn fill(template: &str, rng: &mut ChaCha8Rng) -> String {
    let mut text = String::new();
    for part in template.split('{') {
        let Some((slot, literal)) = part.split_once('}') else {
            text.push_str(part);
            continue;
        };
        let value = match slot {
            "name" => pick(rng, &NAMES).to_owned(),
            "hero" => format!(
                "{} {}",
                pick(rng, &NAMES),
                ["the Bold", "of the North", "Redhand", "Swift"][rng.random_range(0..4)]
            ),
            "town" => pick(rng, &TOWNS).to_owned(),
            "item" => pick(rng, &ITEMS).to_owned(),
            "monster" => pick(rng, &MONSTERS).to_owned(),
            "place" => pick(rng, &PLACES).to_owned(),
            "mood" => pick(rng, &MOODS).to_owned(),
            "n" => rng.random_range(1..500).to_string(),
            "two" => pick(rng, &["full", "empty"]).to_owned(),
            "date" => format!("2026-{:02}-{:02}", rng.random_range(1..13), rng.random_range(1..29)),
            "long" => {
                let words = rng.random_range(40..120);
                prose(rng, words)
            }
            "say" => free(rng),
            other => panic!("no slot {other}"),
        };
        // Braces of JSON are written as < and >.
        text.push_str(&value);
        text.push_str(literal);
    }
    text.replace('⟨', "{").replace('⟩', "}")
}

/// `count` requests of sites with these templates, the first ones more often.
fn of_templates(name: &'static str, seed: u64, count: usize, sites: &[(&'static str, &str, &[&str])]) -> Corpus {
    let mut rng = rng(seed);
    let mut asked = Vec::new();
    for _ in 0..count {
        let (one, other) = (rng.random_range(0..sites.len()), rng.random_range(0..sites.len()));
        let (truth, system, users) = sites[one.min(other.max(1) * 2)];
        let (system, user) = (fill(system, &mut rng), fill(pick(&mut rng, users), &mut rng));
        asked.push(Asked { truth, shape: plain(), system, user });
    }
    Corpus { name, asked }
}

/// The practice game.
fn practice(seed: u64) -> Corpus {
    let sites: &[(&str, &str, &[&str])] = &[
        (
            "shopkeeper",
            "You are {name}, shopkeeper in {town}. You sell a {item} for {n} coins. The shelf is {two}.",
            &[
                "Hello, I am {name}. What does it cost?",
                "I am {name}. What do you sell?",
                "{name} is my name. Can I buy something?",
                "My name is {name}. How much is it?",
            ],
        ),
        (
            "quest-giver",
            "You are {name}, quest giver in {town}. There are {monster} at the {place}. The pay is {n} silver. The task is {two}.",
            &[
                "I am {name} and I have a {item}. Is there work?",
                "{name} is my name. I carry a {item}. What can I do?",
                "Hello, I am {name}. My {item} is ready.",
                "My name is {name}. Can a {item} help you?",
            ],
        ),
        (
            "tavern",
            "You are {name}, keeper of the tavern in {town}. A {item} is {n} coins. The room is {two}.",
            &[
                "I am {name}. Bring me a drink.",
                "{name} is my name. What do you have?",
                "Hello, I am {name}. I want to sit and drink.",
                "I am {name}. Tell me a secret of the house.",
            ],
        ),
        (
            "bard",
            "You are {name}, bard in {town}. {name} beat the {monster} at the {place}. The pay was {n} gold.",
            &["Sing of {name}.", "Tell the story of the {place}.", "A song about {name}, {name}!"],
        ),
        (
            "fortune-teller",
            "You are {name}, fortune teller in {town}.",
            &[
                "I am {name}. What will the {mood} bring?",
                "{name} is my name. Tell me about the {mood}.",
                "Hello, I am {name}. Look into the {mood} for me.",
            ],
        ),
    ];
    of_templates("practice", seed, 1500, sites)
}

const MTLLM: &str = "[System Prompt]\nThis is an operation you must perform and return the output values. Neither, the methodology, extra sentences nor the code are not needed.\nInput/Type formatting: Explanation of the Input (variable_name) (type) = value\n\n[Information]\n@INFO\n\n[Inputs Information]\n@INPUTS\n\n[Output Information]\n@OUTPUT\n\n[Type Explanations]\n@TYPES\n\n[Action]\n@ACTION\n\nGenerate and return the output result(s) only, adhering to the provided Type in the following format\n\n[Output] <result>";

const FUNCTIONS: &[(&str, [&str; 5])] = &[
    (
        "translate",
        [
            "",
            "Text to translate (text) (str) = \"{say}\"",
            "Translation (str)",
            "",
            "Translate into French (translate)",
        ],
    ),
    (
        "sentiment",
        [
            "",
            "A review of the game (review) (str) = \"{say}\"",
            "Mood of the review (str)",
            "",
            "Find the sentiment (get_sentiment)",
        ],
    ),
    (
        "level",
        [
            "Difficulty (difficulty) (int) = {n}",
            "Last levels (last_levels) (list[Level]) = [Level(name=\"{say}\", difficulty={n}, width={n}), Level(name=\"{say}\", difficulty={n}, width={n})]",
            "Next level (Level)",
            "Level of a roguelike (Level) (obj) eg:- Level(name=str, difficulty=int, width=int, num_wall=int, num_enemies=int)",
            "Create the next level, a little harder than the last ones (create_next_level)",
        ],
    ),
    (
        "map",
        [
            "",
            "Level to draw (level) (Level) = Level(name=\"{say}\", difficulty={n}, width={n})",
            "Map of the level (Map)",
            "Map (Map) (obj) eg:- Map(level=Level, walls=list[Wall], small_obstacles=list[Position], enemies=list[Position], player_pos=Position)\nWall (Wall) (obj) eg:- Wall(start_pos=Position, end_pos=Position)",
            "Place walls, obstacles and enemies (create_next_map)",
        ],
    ),
    (
        "name",
        [
            "Genre (genre) (str) = \"{mood}\"",
            "Race (race) (str) = \"{monster}\"\nHome (home) (str) = \"{town}\"",
            "Full name (str)",
            "",
            "Invent a name for a character (name_character)",
        ],
    ),
    (
        "quest",
        [
            "",
            "Place (place) (str) = \"{place}\"\nEnemy (enemy) (str) = \"{monster}\"\nReward (reward) (int) = {n}",
            "Text of the quest (str)",
            "",
            "Write a short quest (write_quest)",
        ],
    ),
    (
        "item",
        [
            "",
            "Kind of item (kind) (str) = \"{item}\"\nRarity (rarity) (str) = \"{mood}\"",
            "The item (Item)",
            "Item (Item) (obj) eg:- Item(name=str, description=str, price=int)",
            "Describe an item for the shop (describe_item)",
        ],
    ),
    (
        "age",
        [
            "",
            "Name of the hero (name) (str) = \"{hero}\"\nYear of birth (year) (int) = {n}",
            "Age (int)",
            "",
            "Compute the age of the hero (get_age)",
        ],
    ),
];

/// byLLM's one message, for a program with functions of all sizes.
fn mtllm(seed: u64) -> Corpus {
    let mut rng = rng(seed);
    let mut asked = Vec::new();
    for _ in 0..1500 {
        let (truth, parts) =
            FUNCTIONS[rng.random_range(0..FUNCTIONS.len()).min(rng.random_range(0..FUNCTIONS.len() + 3))];
        let mut text = MTLLM.to_owned();
        for (mark, part) in ["@INFO", "@INPUTS", "@OUTPUT", "@TYPES", "@ACTION"].iter().zip(parts) {
            text = text.replace(mark, &fill(part, &mut rng));
        }
        asked.push(Asked { truth, shape: plain(), system: String::new(), user: text });
    }
    Corpus { name: "mtllm", asked }
}

/// Two hundred characters of one template, beside two other sites; `alone`: in the user's one message.
fn characters(seed: u64, alone: bool) -> Corpus {
    let mut rng = rng(seed);
    let persona = |rng: &mut ChaCha8Rng| {
        let words = rng.random_range(40..160);
        let (name, place, story) = (fill("{hero}", rng), fill("{town}", rng), prose(rng, words));
        format!(
            "You are {name}, who lives in {place}.\n\n# Your story\n{story}\n\n# Rules\n- Stay in character.\n- Never mention that you are a machine.\n- Answer in one or two sentences."
        )
    };
    let personas: Vec<String> = (0..200).map(|_| persona(&mut rng)).collect();
    let mut asked = Vec::new();
    for at in 0..2400 {
        let (truth, system, user) = match at % 6 {
            0 => (
                "quest-json",
                "You write quests for a game set in Aldoria. Return JSON with the keys title, goal and reward."
                    .to_owned(),
                fill("Hero: {hero}. Level: {n}. Place: the {place} near {town}.", &mut rng),
            ),
            1 => (
                "tavern-name",
                "You invent names of taverns. Answer with the name only.".to_owned(),
                fill("A {mood} tavern in {town}, known for its {item}.", &mut rng),
            ),
            _ => ("npc", personas[rng.random_range(0..personas.len())].clone(), free(&mut rng)),
        };
        let (system, user) =
            if alone { (String::new(), format!("{system}\n\nThe player says: {user}")) } else { (system, user) };
        asked.push(Asked { truth, shape: plain(), system, user });
    }
    Corpus { name: if alone { "characters in one message" } else { "characters" }, asked }
}

/// One system text for everything, the user's text says what is wanted.
fn helpful(seed: u64) -> Corpus {
    let system = "You are a helpful assistant.";
    let sites: &[(&str, &str, &[&str])] = &[
        ("translate", system, &["Translate to French: {say}"]),
        ("summary", system, &["Summarize the following text in one sentence.\n\n{long}"]),
        ("bark", system, &["Write a bark for a {mood} guard who sees {monster} at the {place}."]),
        ("tavern", system, &["Name a tavern in {town} that sells {item}."]),
        ("title", system, &["Give a chapter title for: {say}"]),
        (
            "loot",
            system,
            &["Loot table for {monster}, level {n}. Return a JSON array of objects with \"name\" and \"price\"."],
        ),
    ];
    of_templates("helpful assistant", seed, 1800, sites)
}

/// No system text at all, short and long.
fn short(seed: u64) -> Corpus {
    let sites: &[(&str, &str, &[&str])] = &[
        ("tavern", "", &["Name a tavern in {town} near the {place}."]),
        ("insult", "", &["Insult of a {mood} pirate to {hero}"]),
        ("riddle", "", &["Riddle whose answer is {item} by {name}"]),
        ("weather", "", &["Weather in {town} on {date}?"]),
        ("rewrite", "", &["Rewrite in the style of a sea shanty:\n\n{say}"]),
        ("diary", "", &["Continue the diary of {hero}. Yesterday's entry:\n{long}\nToday the hero is {mood}."]),
    ];
    of_templates("short prompts", seed, 1800, sites)
}

const LORE: &str = "World: Aldoria is an island of nine kingdoms under a frozen sun. Magic is paid for with memories. The guild of Cartographers rules trade, the Quiet Order keeps the dead, and nobody alive has seen the southern shore. Iron rusts within days, so weapons are made of glass and bone. Names are given at the first snowfall. Every text is for players of twelve years and older; keep it free of gore and of modern words.";

/// A page of lore before every task; the tasks are constant texts.
fn lore(seed: u64) -> Corpus {
    let tasks: &[(&str, &str)] = &[
        (
            "quest",
            "\n\nTask: write a side quest. Give a title, three steps, and a reward that costs the player a memory. Never send the player to the southern shore.",
        ),
        (
            "bark",
            "\n\nTask: you voice townsfolk. Answer with a single line that somebody shouts in the street, no longer than twelve words, without quotation marks.",
        ),
        (
            "item",
            "\n\nTask: describe an item of glass or bone for the shop window. One sentence on how it looks, one on what it is said to do, and its price in memories.",
        ),
        (
            "name",
            "\n\nTask: invent the name that a child is given at the first snowfall, and say in half a sentence what the family saw that day.",
        ),
    ];
    let mut rng = rng(seed);
    let mut asked = Vec::new();
    for _ in 0..1400 {
        let (truth, task) = tasks[rng.random_range(0..tasks.len())];
        asked.push(Asked { truth, shape: plain(), system: format!("{LORE}{task}"), user: free(&mut rng) });
    }
    Corpus { name: "shared lore", asked }
}

/// Structured answers and tools: the same words, different shapes; JSON in the prompts.
fn shapes(seed: u64) -> Corpus {
    let schema = |keys: &str| {
        format!(
            r#"{{"type":"json_schema","json_schema":{{"name":"x","strict":true,"schema":{{"type":"object","properties":{keys}}}}}}}"#
        )
    };
    let tool = |name: &str| {
        format!(
            r#"[{{"type":"function","function":{{"name":"{name}","description":"d","parameters":{{"type":"object","properties":{{"x":{{"type":"integer"}}}}}}}}}}]"#
        )
    };
    let system = "You help the game.";
    let (level, item) =
        (schema(r#"{"width":{"type":"integer"},"walls":{"type":"array"}}"#), schema(r#"{"name":{"type":"string"}}"#));
    let (attack, trade) = (tool("attack"), tool("trade"));
    let sites: [(&str, Shape, &str); 5] = [
        (
            "level",
            Shape::new("chat", "gpt-5-mini", Some(&level), None),
            "⟨\"difficulty\": {n}, \"theme\": \"{place}\", \"size\": [{n}, {n}], \"enemies\": [\"{monster}\", \"{monster}\"]⟩",
        ),
        (
            "item",
            Shape::new("chat", "gpt-5-mini", Some(&item), None),
            "⟨\"difficulty\": {n}, \"theme\": \"{place}\", \"size\": [{n}, {n}], \"enemies\": [\"{monster}\"]⟩",
        ),
        ("fight", Shape::new("chat", "gpt-5-mini", None, Some(&attack)), "State: {say}"),
        ("shop", Shape::new("chat", "gpt-5-mini", None, Some(&trade)), "State: {say}"),
        (
            "mind",
            plain(),
            "⟨\"npc\": \"{name}\", \"mood\": \"{mood}\", \"memory\": [\"{say}\", \"{say}\"], \"gold\": {n}, \"asked\": \"{say}\"⟩",
        ),
    ];
    let mut rng = rng(seed);
    let mut asked = Vec::new();
    for _ in 0..1400 {
        let (truth, shape, user) = sites[rng.random_range(0..sites.len())];
        asked.push(Asked { truth, shape, system: system.into(), user: fill(user, &mut rng) });
    }
    Corpus { name: "schemas and tools", asked }
}

/// Other languages and scripts.
fn languages(seed: u64) -> Corpus {
    let sites: &[(&str, &str, &[&str])] = &[
        (
            "de",
            "Du bist {name}, Händlerin in {town}. Du verkaufst {item} für {n} Münzen. Antworte höchstens zwei Sätze lang.",
            &["{say}"],
        ),
        (
            "fr",
            "Tu es {name}, garde à la porte de {town}. Tu as vu passer {monster} vers {place}. Réponds en une phrase.",
            &["{say}"],
        ),
        ("ru", "Ты {name}, кузнец из города {town}. Ты продаёшь {item} за {n} монет. Отвечай коротко.", &["{say}"]),
        ("ja", "あなたは{town}の商人{name}です。{item}を{n}枚の金貨で売っています。一文で答えてください。", &["{say}"]),
        ("zh", "你是{town}的铁匠{name}。你看见{monster}在{place}附近。请用一句话回答。", &["{say}"]),
        ("ar", "أنت {name} تاجر في مدينة {town} وتبيع {item} بسعر {n} قطعة ذهبية. أجب بجملة واحدة.", &["{say}"]),
    ];
    of_templates("languages", seed, 1800, sites)
}

/// Prompts that are put together from parts: lists of any length, sections that are there or not, examples from a pool,
/// a style from a pool, retrieved lore.
fn parts(seed: u64) -> Corpus {
    let mut rng = rng(seed);
    let pool: Vec<String> = (0..30).map(|_| prose(&mut rng, 35)).collect();
    let styles = [
        "Speak in short rhymes.",
        "Use the words of a sailor.",
        "Be formal and cold.",
        "Whisper, and trail off at the end.",
    ];
    let paragraph = "It is the week of the Long Night: no lamp may burn after dusk, guards walk in threes, and strangers must show the palm of their left hand before they are spoken to.";
    let sites: [(&str, &str, &str); 4] = [
        (
            "guard",
            "# Role\nYou are a guard at the gate of {town}. You let nobody pass without a reason.",
            "# Output\nOne line of speech.",
        ),
        (
            "merchant",
            "# Role\nYou are a travelling merchant with a cart full of goods. You overcharge everybody by {n} percent.",
            "# Output\nReturn JSON with \"speech\" and \"price\".",
        ),
        (
            "healer",
            "# Role\nYou are a healer who has seen too much. The patient is {name} and the wound was made by {monster}.",
            "# Output\nA diagnosis, then a remedy.",
        ),
        (
            "narrator",
            "# Role\nYou narrate what the party sees when it enters the {place} of {town}.",
            "# Output\nThree sentences in the second person.",
        ),
    ];
    let mut asked = Vec::new();
    for _ in 0..2000 {
        let (truth, role, output) = sites[rng.random_range(0..sites.len())];
        let mut system = fill(role, &mut rng);
        if rng.random_bool(0.5) {
            system.push_str(&format!("\n\n# News\n{paragraph}"));
        }
        system.push_str("\n\n# Inventory\n");
        for _ in 0..rng.random_range(1..7) {
            system.push_str(&fill("- {item} x{n}\n", &mut rng));
        }
        system.push_str(&format!("\n# Style\n{}\n", pick(&mut rng, &styles)));
        system.push_str("\n# Lore\n");
        for _ in 0..rng.random_range(0..3) {
            system.push_str(&format!("* {}\n", pool[rng.random_range(0..pool.len())]));
        }
        system.push_str(&format!("\n{output}"));
        asked.push(Asked { truth, shape: plain(), system, user: free(&mut rng) });
    }
    Corpus { name: "put together", asked }
}

/// Conversations that grow: the same beginning many times; a constant character whom players ask anything.
fn conversations(seed: u64) -> Corpus {
    let mut rng = rng(seed);
    let characters: [(&str, &str); 3] = [
        (
            "smith",
            "You are Hilda, the smith of Norwick. You lost your left hand at the siege and you do not like to talk about it. You sell glass swords. You distrust the guild. Keep every answer under forty words.",
        ),
        (
            "oracle",
            "You are the Oracle below the mill. You answer in riddles, you know how every player will die, and you never say it outright. Two sentences at most.",
        ),
        ("dog", "You are a dog. You only bark, whine, wag or sniff; describe it in the third person, present tense."),
    ];
    let mut asked = Vec::new();
    for _ in 0..500 {
        let (truth, system) = characters[rng.random_range(0..characters.len())];
        let user = free(&mut rng);
        for _ in 0..rng.random_range(1..6) {
            asked.push(Asked { truth, shape: plain(), system: system.into(), user: user.clone() });
        }
    }
    Corpus { name: "conversations", asked }
}

/// A chat window without a system text beside two real sites.
fn noise(seed: u64) -> Corpus {
    let sites: &[(&str, &str, &[&str])] = &[
        ("", "", &["{say}", "{long}", "{say} {say}", "{hero} {say}", "{say}?"]),
        ("bark", "Write a bark of at most eight words for a guard of {town}.", &["He sees: {monster}. He is {mood}."]),
        ("lore", "You answer questions about the lore of the game from the passage. Passage:\n{long}", &["{say}"]),
    ];
    of_templates("chat beside sites", seed, 2400, sites)
}

/// Prompts that grew over years: a value that is nearly always the same, a second version, a paragraph that few have.
pub(super) fn grown(seed: u64) -> Corpus {
    let mut rng = rng(seed);
    let mut asked = Vec::new();
    for at in 0..2400 {
        let (truth, system, user) = match rng.random_range(0..3) {
            0 => {
                let place = if rng.random_bool(0.03) {
                    "fishermen of the southern reef"
                } else {
                    "farmers of the northern valley"
                };
                (
                    "gossip",
                    format!(
                        "You voice the {place}. {} is the one who speaks. Keep to what such people could know.",
                        pick(&mut rng, &NAMES)
                    ),
                    fill("What do people say about {hero}?", &mut rng),
                )
            }
            1 => {
                let role = if at > 1200 {
                    "You are a herald. Announce the news of the day to the crowd, proudly"
                } else {
                    "You are a herald. Announce the news of the day to the crowd"
                };
                (
                    "herald",
                    format!(
                        "{role}. The town is {} and the king is {}.",
                        pick(&mut rng, &TOWNS),
                        pick(&mut rng, &NAMES)
                    ),
                    fill("News: {say}", &mut rng),
                )
            }
            _ => {
                let more = if rng.random_bool(0.06) {
                    " The customer has a debt of long standing with the house; mention it once, politely, and do not mention it again."
                } else {
                    ""
                };
                (
                    "innkeeper",
                    format!(
                        "You keep the inn of {}. Rooms cost {} coins.{more} Be brief and friendly to every guest who enters.",
                        pick(&mut rng, &TOWNS),
                        rng.random_range(2..20)
                    ),
                    free(&mut rng),
                )
            }
        };
        asked.push(Asked { truth, shape: plain(), system, user });
    }
    Corpus { name: "grown", asked }
}

/// A big program: 25 functions behind one preface, some of them rare; texts longer than what is looked at.
pub(super) fn many(seed: u64) -> Corpus {
    const TRUTHS: [&str; 25] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v",
        "w", "x", "y",
    ];
    let mut rng = rng(seed);
    let tasks: Vec<String> = TRUTHS.iter().map(|_| format!("Do this: {}", prose(&mut rng, 18))).collect();
    let mut asked = Vec::new();
    for _ in 0..3500 {
        let at = rng.random_range(0..TRUTHS.len()).min(rng.random_range(0..TRUTHS.len()));
        let words = rng.random_range(50..1400);
        let user = format!(
            "{LORE}\n\nWhat has happened so far:\n{}\n\n{}\n\nThe party is in {} and is {}.",
            prose(&mut rng, words),
            tasks[at],
            pick(&mut rng, &TOWNS),
            pick(&mut rng, &MOODS)
        );
        asked.push(Asked { truth: TRUTHS[at], shape: plain(), system: String::new(), user });
    }
    Corpus { name: "many functions, long texts", asked }
}

/// So many characters of one template, each with a constant text and often asked.
pub(super) fn cast(seed: u64, size: usize) -> Corpus {
    let mut rng = rng(seed);
    let truths: Vec<&'static str> = (0..size).map(|at| -> &'static str { format!("{at}").leak() }).collect();
    let personas: Vec<String> = truths
        .iter()
        .map(|_| {
            format!(
                "You are {}. {} Stay in character, two sentences at most.",
                fill("{hero}", &mut rng),
                prose(&mut rng, 60)
            )
        })
        .collect();
    let asked = (0..size * 150).map(|_| {
        let at = rng.random_range(0..size);
        Asked { truth: truths[at], shape: plain(), system: personas[at].clone(), user: free(&mut rng) }
    });
    Corpus { name: "a cast", asked: asked.collect() }
}

/// A chat window: people ask whatever they like, in the phrases that people use.
pub(super) fn chat(seed: u64, count: usize) -> Corpus {
    let begins = [
        "How do I",
        "Can you please",
        "What is the",
        "Write a poem about the",
        "Tell me about",
        "Explain",
        "I want to know",
        "Why does the",
        "Help me with my",
        "Give me a list of",
        "Is it true that",
        "hey",
        "Please write",
        "Summarize",
    ];
    let mut rng = rng(seed);
    let asked = (0..count).map(|_| {
        let words = rng.random_range(2..40);
        Asked {
            truth: "",
            shape: plain(),
            system: String::new(),
            user: format!("{} {}", pick(&mut rng, &begins), prose(&mut rng, words).to_lowercase()),
        }
    });
    Corpus { name: "chat", asked: asked.collect() }
}

pub(super) fn all(seed: u64) -> Vec<Corpus> {
    vec![
        practice(seed),
        mtllm(seed),
        characters(seed, false),
        characters(seed, true),
        helpful(seed),
        short(seed),
        lore(seed),
        shapes(seed),
        languages(seed),
        parts(seed),
        conversations(seed),
        noise(seed),
        cast(seed, 10),
    ]
}

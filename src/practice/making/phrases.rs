//! Words that made-up tasks are put together from.

pub(super) const SPEAKERS: [&str; 20] = [
    "a ferryman", "an old beekeeper", "a night watchman", "the miller's widow", "a goblin peddler", "a retired knight",
    "a temple novice", "the harbour pilot", "a hedge witch", "a travelling smith", "the royal archivist", "a shy herbalist",
    "a boastful hunter", "the village elder", "a one-eyed cook", "a dwarf jeweller", "a lighthouse keeper", "a stable hand",
    "a cartographer's apprentice", "the guild treasurer",
];

pub(super) const FORMS: [&str; 16] = [
    "a two-sentence greeting", "a muttered warning", "a short rumour", "a list of three questions", "a farewell with a blessing",
    "a refusal that stays polite", "an offer with one condition", "a riddle and its answer", "a proverb of the region",
    "a complaint about the weather", "a promise that can be broken later", "a clue that points to a place",
    "an excuse for being late", "a boast that is half true", "a price with a reason", "an order given to guards",
];

pub(super) const SUBJECTS: [&str; 24] = [
    "the bridge that fell last winter", "a stolen wedding ring", "the bells that ring by themselves", "a wolf that speaks",
    "unpaid harbour dues", "the missing tax collector", "a map drawn on deerskin", "the queen's birthday feast",
    "a well that tastes of iron", "the comet over the marsh", "two brothers who share one sword", "a cursed chess set",
    "the last keg of winter ale", "an empty grave", "the dragon's favourite song", "a letter without a sender",
    "the mill wheel that turns backwards", "a debt of three silver", "the new toll at the pass", "a cat that follows ghosts",
    "the baker's secret recipe", "a locked tower room", "the hermit's broken lute", "frost in the middle of summer",
];

pub(super) const LISTENERS: [&str; 16] = [
    "for a traveller who has no coin", "to someone who just lost a duel", "for a child of the village", "to a masked noble",
    "for a party that returns wounded", "to a rival of the same trade", "for a player on their first day", "to a spy in disguise",
    "for a hero nobody believes", "to an orc who wants to trade", "for a bard who hunts for stories", "to the captain of the watch",
    "for a thief who wants to repent", "to a pilgrim in a hurry", "for a scholar with muddy boots", "to a ghost that forgot its name",
];

pub(super) const LABELS: [(&str, &[&str]); 8] = [
    ("friendly or hostile", &["friendly", "hostile"]),
    ("a bargain, fair or a swindle", &["bargain", "fair", "swindle"]),
    ("urgent or able to wait", &["urgent", "can wait"]),
    ("true, a guess or a lie", &["true", "guess", "lie"]),
    ("fit for a beginner or for a veteran", &["beginner", "veteran"]),
    ("about combat, trade or travel", &["combat", "trade", "travel"]),
    ("open, done or failed", &["open", "done", "failed"]),
    ("in character or out of it", &["in character", "out of character"]),
];

pub(super) const SORTED: [&str; 12] = [
    "the shopkeeper's offer", "this entry of a quest journal", "the rumour from the tavern", "the guard's answer at the gate",
    "the hint of a tutorial", "the smith's promise", "this line of a ballad", "the notice on the guild's board",
    "the fortune teller's word", "the pedlar's description of a potion", "the farewell of an ally", "this page of the chronicle",
];

pub(super) const SENTENCES: [&str; 20] = [
    "Keep to the dry stones and say nothing to the heron.", "I have seen worse, but never twice in one night.",
    "Three silver, and I forget that you were here.", "Ask again when the bells are quiet.",
    "My grandmother swore by it, and she outlived four kings.", "You carry that sword like a ladle, friend.",
    "The road is open, though nobody who took it came back to say so.", "Sit, eat, and tell me who sent you.",
    "It was here yesterday, on my honour and on the honour of this shelf.", "Bring me the seal and the gate is yours.",
    "I would not go down there without salt and a second lantern.", "The price is fair; it is the purse that is thin.",
    "Some doors are locked to keep the outside safe.", "If the cat hisses, run first and wonder later.",
    "Hold the shield higher, and breathe out when you strike.", "They say the river keeps what it is given.",
    "I owe you one favour, so spend it on something large.", "That song has no last verse, and you should be glad.",
    "Press on when the torch burns blue, turn back when it burns green.", "Half of what I tell you is true; the other half is free.",
];

//! The English words that carry no fact: what may be said otherwise without saying something else; and the negations.
//!
//! Own list: function words, polite words, and the verbs and adjectives that any wording of an answer exchanges. A word
//! that is missing here makes an audit stricter, never laxer.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that no answer must repeat, one group a line.
const COMMON: &str = "
a an the this that these those such same other another each every either both all any some many much more most few
less least several enough own else
i me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us our ours they
them their theirs themselves who whom whose which what one ones someone something anyone anything everyone everything
and or but if then than so because since while when where why how whether though although until unless as just only
also too very quite rather really still yet already again ever even always often sometimes perhaps maybe almost
about above across after against along among around at before behind below beneath beside between beyond by down
during for from in inside into near of off on onto out outside over past per through to toward towards under up upon
with within here there now today once soon later away back together
be am is are was were been being have has had having do does did done doing will would shall should can could may
might must ought let i'm i'll i've i'd you're you'll you've you'd he's she's it's we're we'll they're they'll that's
there's here's what's let's
get gets got give gives gave given go goes going gone went come comes coming came make makes made take takes took
taken put see sees saw seen look looks say says said tell tells told ask asks asked answer answers know knows known
think thinks thought want wants wanted need needs needed like likes find finds found keep keeps kept use uses used
try tries work works seem seems mean means feel feels hold holds call calls show shows help helps set run turn
buy buys bought sell sells sold pay pays paid cost costs costing price prices priced worth ask spend bring brings
brought wish wishes offer offers speak speaks spoke talk talks reply replies respond write writes
good better best great fine well nice new old big small little large long short high low full right sure first last
next easy ready able possible certain
yes aye yea yeah ok okay please thank thanks welcome hello hi hey greetings sir madam friend traveler traveller
adventurer alas oh ah well indeed course sorry
thing things way ways time times day days place people man men woman women kind sort lot bit part side piece pieces
end line lines word words sentence sentences name named question
";

/// Words that turn a statement round.
const NEGATIONS: &str = "
no nay not none nobody nothing nowhere never neither nor without cannot cant wont dont doesnt didnt isnt arent wasnt
";

static SETS: LazyLock<[HashSet<&str>; 2]> =
    LazyLock::new(|| [COMMON, NEGATIONS].map(|list| list.split_whitespace().collect()));

/// Whether `word` may be left out or exchanged without changing a fact. Negations are: they are a fact of their own.
#[must_use]
pub(crate) fn is_common(word: &str) -> bool {
    let [common, _] = &*SETS;
    common.contains(word.to_lowercase().as_str()) || is_negation(word)
}

/// Whether `word` negates, with `'` for any apostrophe: `not`, `never`, `isn't`.
#[must_use]
pub(crate) fn is_negation(word: &str) -> bool {
    let [_, negations] = &*SETS;
    let lower = word.to_lowercase();
    negations.contains(lower.as_str()) || lower.ends_with("n't")
}

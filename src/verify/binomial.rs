//! How sure one may be of a probability that was counted.

/// Halvings of [0, 1]: 2^-60 is below f64's own spacing at one half.
const HALVINGS: usize = 60;

/// The one-sided lower bound of a probability, of which `successes` in `trials` were seen: the true one lies below it with
/// a probability of at most `alpha`, in (0, 1). 0 without trials or successes.
///
/// The p at which `P(X >= successes) = alpha` for X binomial (Clopper and Pearson 1934), by halving; O(60 trials).
#[must_use]
pub fn clopper_pearson_lower(successes: u64, trials: u64, alpha: f64) -> f64 {
    if successes == 0 || successes > trials {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if upper_tail(successes, trials, middle) > alpha { high = middle } else { low = middle }
    }
    low
}

/// `P(X >= least)` for X binomial of `trials` with probability `p` in (0, 1); each term by its logarithm, since the
/// first may be too small for an f64 where the sum is near one.
#[expect(clippy::cast_precision_loss, reason = "counts of answers")]
fn upper_tail(least: u64, trials: u64, p: f64) -> f64 {
    let (ln_p, ln_q, all) = (p.ln(), (-p).ln_1p(), trials as f64);
    let mut ln_ways = 0.0;
    let mut sum = 0.0;
    for count in 1..=trials {
        let k = count as f64;
        ln_ways += ((all - k + 1.0) / k).ln();
        if count >= least {
            sum += k.mul_add(ln_p, (all - k).mul_add(ln_q, ln_ways)).exp();
        }
    }
    sum
}

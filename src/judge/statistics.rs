//! How sure one may be of a share that was counted, and what that leaves of an error budget.

/// Halvings of [0, 1]: 2^-60 is below f64's own spacing at one half.
const HALVINGS: usize = 60;

/// The one-sided Clopper-Pearson lower bound of a probability, of which `successes` in `trials` were seen: the true
/// one lies below it with a probability of at most `alpha`, in (0, 1). 0 without trials or successes.
///
/// The p at which `P(X >= successes) = alpha` for X binomial, by halving; O(60 trials).
#[must_use]
pub fn clopper_pearson_lower(successes: u64, trials: u64, alpha: f64) -> f64 {
    if successes == 0 || successes > trials {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if upper_tail(successes, trials, middle) > alpha {
            high = middle;
        } else {
            low = middle;
        }
    }
    low
}

/// The level at which a test of judged answers must be run so that the truth keeps `alpha`: the judge sees only a share
/// of the bad answers, at least `sensitivity_lower` (science 2.8).
#[must_use]
pub fn alpha_eff(alpha: f64, sensitivity_lower: f64) -> f64 {
    alpha * sensitivity_lower.clamp(0.0, 1.0)
}

/// `P(X >= least)` for X binomial of `trials` with probability `p` in (0, 1); each term by its logarithm, since the
/// first may be too small for an f64 where the sum is near one.
#[expect(clippy::cast_precision_loss, reason = "counts of judged answers")]
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

"""Golden vectors of the hand-over's tests and of ROUGE-L, written from the papers' formulas with the standard library only.

Usage: python3 tests/oracle/statistics.py
Prints the numbers that src/handover/tests/statistics.rs, src/verify/tests/binomial.rs and src/verify/tests.rs hold their code to:
  promotion: Waudby-Smith & Ramdas 2024, capital prod(1 + b/q0 (x - q0)), mean over five bets b;
  risk:      the same against "risk >= alpha", bets b/(1 - alpha), the money shared among five;
  drift:     Shin, Ramdas & Rinaldo 2023, Shiryaev-Roberts S <- (S + 1)(1 + l (q1 - x)), mean over five;
  lower:     Clopper & Pearson 1934, the p at which P(X >= k) = alpha, in exact fractions (src/verify/tests/binomial.rs);
  ROUGE-L:   Lin 2004, F1 over the longest common subsequence of lower-cased words.
"""

import math
import re
from fractions import Fraction

PROMOTION_BETS = (0.10, 0.25, 0.50, 0.75, 0.90)
RISK_BETS = ((0.05, 0.10), (0.2375, 0.20), (0.2375, 0.40), (0.2375, 0.60), (0.2375, 0.80))  # share of the money, bet
DRIFT_BETS = (0.05, 0.10, 0.20, 0.40, 0.70)


def promotion(qualities, q0):
    capitals = [math.prod(1 + bet / q0 * (x - q0) for x in qualities) for bet in PROMOTION_BETS]
    return math.log(sum(capitals) / len(capitals))


def adaptive(outcomes, q0, alpha, rule):
    """Waudby-Smith & Ramdas 2024: aGRAPA (section B.3, at most 3/4 of the largest bet) and PrPl-EB (eq. 24, at most 1/2)."""
    log_capital, seen, total, spread, after = 0.0, 0, 0.0, 0.0, []
    for x in outcomes:
        mean, variance = (0.5 + total) / (seen + 1), (0.25 + spread) / (seen + 1)
        if rule == "agrapa":
            bet = min(max((mean - q0) / (variance + (mean - q0) ** 2), 0.0), 0.75 / q0)
        else:
            bet = min(math.sqrt(2 * math.log(1 / alpha) / (variance * (seen + 1) * math.log(2 + seen))), 0.5 / q0)
        log_capital += math.log(1 + bet * (x - q0))
        seen, total = seen + 1, total + x
        spread += (x - (0.5 + total) / (seen + 1)) ** 2
        after.append(log_capital)
    return after


def lower_bound(qualities, alpha):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if promotion(qualities, middle) >= -math.log(alpha) else (low, middle)
    return low


def risk(good, bad, alpha):
    capitals = [
        money * (1 + bet / (1 - alpha) * alpha) ** good * (1 + bet / (1 - alpha) * (alpha - 1)) ** bad
        for money, bet in RISK_BETS
    ]
    return math.log(sum(capitals))


def drift(qualities, q1):
    sums, seen = [0.0] * len(DRIFT_BETS), []
    for x in qualities:
        sums = [(s + 1) * (1 + bet / (1 - q1) * (q1 - x)) for s, bet in zip(sums, DRIFT_BETS)]
        seen.append(sum(sums) / len(sums))
    return seen


def clopper_pearson_lower(k, n, alpha):
    low, high = Fraction(0), Fraction(1)
    for _ in range(50):
        p = (low + high) / 2
        tail = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
        low, high = (low, p) if tail > alpha else (p, high)
    return float(low)


def rouge_l(left, right):
    left, right = (re.findall(r"[^\W_]+", text.lower()) for text in (left, right))
    row = [0] * (len(right) + 1)
    for word in left:
        row = next_row(row, word, right)
    common = row[-1]
    return 2 * common / (len(left) + len(right)) if common else 0.0


def next_row(row, word, right):
    new = [0]
    for at, other in enumerate(right):
        new.append(row[at] + 1 if word == other else max(row[at + 1], new[at]))
    return new


def main():
    ten = [1.0] * 10
    for qualities in (ten, ten + [0.0], ten + [0.0] + [1.0] * 20):
        print(f"promotion, {len(qualities)} audits, q0 0.9: ln capital {promotion(qualities, 0.9):.6f}")
    sixty = [0.0 if at % 15 == 7 else 1.0 for at in range(60)]
    for rule in ("agrapa", "prpl_eb"):
        after = adaptive(sixty, 0.9, 0.05, rule)
        print(f"{rule}, ln capital after 7, 8, 30, 60:", ", ".join(f"{after[at]:.6f}" for at in (6, 7, 29, 59)))
    mixed = [1.0 if at % 5 < 3 else 0.0 for at in range(200)]
    for rule in ("agrapa", "prpl_eb"):
        after = adaptive(mixed, 0.5, 0.05, rule)
        print(f"{rule}, three fifths against 0.5, ln capital after 50, 200:", ", ".join(f"{after[at]:.6f}" for at in (49, 199)))
    for audits in (42, 43):
        print(f"promotion, {audits} good audits, alpha 0.05: lower bound {lower_bound([1.0] * audits, 0.05):.6f}")
    for good, bad in ((22, 0), (23, 0), (30, 1)):
        print(f"risk, {good} good {bad} bad, alpha 0.1: ln capital {risk(good, bad, 0.1):.6f}")
    for bad in (0, 1, 3):
        needed = next(n for n in range(1, 999) if risk(n - bad, bad, 0.05) >= math.log(10))
        print(f"risk, {bad} bad, alpha 0.05, delta 0.1: proven after {needed} audits")
    print("drift, 1 1 0 0 0 0 0, q1 0.9:", ", ".join(f"{s:.6f}" for s in drift([1, 1, 0, 0, 0, 0, 0], 0.9)))
    for k, n in ((100, 100), (95, 100), (47, 50), (40, 50), (1, 10), (50, 120)):
        print(f"lower 95 % bound of {k} of {n}: {clopper_pearson_lower(k, n, Fraction(1, 20)):.9f}")
    for pair in (
        ("Ask the blacksmith for a better sword.", "Ask the blacksmith for a cheaper sword"),
        ("Describe the village elder", "Write a rumor about the old mill"),
        ("", "x"),
    ):
        print(f"ROUGE-L {pair}: {rouge_l(*pair):.6f}")


if __name__ == "__main__":
    main()

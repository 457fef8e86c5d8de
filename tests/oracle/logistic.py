"""Golden numbers of the fitted confidence, the judge's bound and the reliability, with the standard library only.

Usage: python3 tests/oracle/logistic.py
Prints the numbers that src/verify/tests/calibration.rs and choose.rs hold their code to:
  logistic:  L2-regularised logistic regression (penalty 1/2 |w|^2, bias free) over standardised features of 240 made
             pairs, by plain gradient descent until the gradient is below 1e-12: another way than the code's Newton;
  clopper:   one-sided lower 95 % Clopper-Pearson bounds, exact binomial tails in rational numbers.
"""

import math
from fractions import Fraction

PAIRS = 240


def made(i):
    """The i-th pair of signals and outcome; every signal is a multiple of 1/64, so 32 bits hold it exactly."""
    def draw(k, top):
        return (i * (2 * k + 7) * 37 + i * i * (k + 3)) % top

    minimum = -(draw(1, 200) + 1) / 64
    mean = minimum / 4
    q10 = -(draw(2, 100) + 1) / 64
    entropy = draw(3, 90) / 64
    margin = (64 - draw(4, 50)) / 64
    low = draw(5, 20) / 64
    tokens = 5 + draw(6, 40)
    good = (draw(7, 97) / 97) < 1 / (1 + math.exp(-(1.5 + 1.2 * minimum + 0.5 * entropy)))
    return [mean, minimum, q10, entropy, margin, low, math.log(tokens)], good


def fit(rows):
    columns = list(zip(*(row for row, _ in rows)))
    means = [math.fsum(column) / len(column) for column in columns]
    scales = [math.sqrt(math.fsum((v - m) ** 2 for v in c) / len(c)) for c, m in zip(columns, means)]
    data = [([(v - m) / s for v, m, s in zip(row, means, scales)] + [1.0], float(good)) for row, good in rows]
    weights = [0.0] * 8
    for _ in range(200_000):
        errors = [1 / (1 + math.exp(-sum(a * b for a, b in zip(row, weights)))) - good for row, good in data]
        slope = [sum(e * row[j] for e, (row, _) in zip(errors, data)) + (weights[j] if j < 7 else 0) for j in range(8)]
        weights = [w - s / 120 for w, s in zip(weights, slope)]
        if max(map(abs, slope)) < 1e-12:
            break
    # Without penalty pulling at the bias, confidences at the mean of all features are sigmoid(bias).
    probabilities = [1 / (1 + math.exp(-sum(a * b for a, b in zip(row, weights)))) for row, _ in data]
    return weights, probabilities


def clopper(hits, trials):
    low, high = Fraction(0), Fraction(1)
    for _ in range(45):
        p = (low + high) / 2
        tail = sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(hits, trials + 1))
        low, high = (p, high) if tail < Fraction(1, 20) else (low, p)
    return float(low)


if __name__ == "__main__":
    rows = [made(i) for i in range(PAIRS)]
    weights, probabilities = fit(rows)
    print("good", sum(good for _, good in rows))
    print("weights", ", ".join(f"{w:.9f}" for w in weights))
    print("first confidences", ", ".join(f"{p:.9f}" for p in probabilities[:3]))
    for hits, trials in [(12, 12), (10, 12), (90, 100), (1, 5), (5, 5)]:
        print("clopper", hits, trials, f"{clopper(hits, trials):.9f}")

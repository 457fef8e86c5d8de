"""Golden numbers of src/generate/tests/dialogue.rs: distinct-n, self-BLEU-4 and repeated openings, straight from the papers' formulas
(Li et al. 2016; Papineni et al. 2002 with smoothing 1 of Chen and Cherry 2014; Zhu et al. 2018). Standard library only."""

import math
from collections import Counter

TEXTS = ["the cat sat on the mat", "the cat sat on the rug", "a dog ran"]


def grams(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def distinct(texts, n):
    all_grams = [gram for words in texts for gram in grams(words, n).elements()]
    return len(set(all_grams)) / len(all_grams)


def bleu(words, references):
    logs = 0.0
    for n in range(1, 5):
        own = grams(words, n)
        hits = sum(min(count, max(grams(other, n)[gram] for other in references)) for gram, count in own.items())
        logs += math.log((hits or 0.1) / max(sum(own.values()), 1))
    nearest = min((abs(len(other) - len(words)), len(other)) for other in references)[1]
    brevity = 1.0 if len(words) >= nearest else math.exp(1 - nearest / len(words))
    return brevity * math.exp(logs / 4)


texts = [text.split() for text in TEXTS]
openings = Counter(tuple(words[:5]) for words in texts)
print("distinct-1", distinct(texts, 1))
print("distinct-2", distinct(texts, 2))
print("self-BLEU-4", sum(bleu(words, texts[:i] + texts[i + 1 :]) for i, words in enumerate(texts)) / len(texts))
print("repeated openings", sum(count for count in openings.values() if count > 1) / len(texts))

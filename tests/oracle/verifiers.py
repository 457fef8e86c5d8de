"""Writes tests/golden/verifiers.json: verifier functions as a model would write them, inputs, and what CPython answers.

Run: python3 tests/oracle/verifiers.py (CPython 3.11 or later). The functions below are written for this test. An answer is
read as `sandbox` reads it: a bool, `true` or `false` as text, None as no; anything else, or an exception, is null.
"""

import json
import os
import sys

FUNCTIONS = {}


def add(name, source, *inputs):
    assert name not in FUNCTIONS, name
    FUNCTIONS[name] = (source.strip("\n") + "\n", list(inputs))


LOREM = "The quick brown fox jumps over the lazy dog. It was not amused! Was it?"
COMMON = ["", "Hello", LOREM, "ALL CAPS HERE", "one\ntwo\n\nthree", "naïve café – déjà vu", "- a\n- b\n- c", "a" * 300]

add("at most ten words", """
def evaluate(response):
    words = response.split()
    return len(words) <= 10
""", "one two three", "one two three four five six seven eight nine ten", "a b c d e f g h i j k")

add("exactly three sentences", """
import re

def evaluate(response):
    sentences = [s for s in re.split(r'[.!?]+', response) if s.strip()]
    return len(sentences) == 3
""", "One. Two! Three?", "One. Two.", "No end", "A... b... c...")

add("every sentence begins with a capital", """
import re

def evaluate(response):
    sentences = re.split(r'(?<=[.!?])\\s+', response.strip())
    for sentence in sentences:
        if not sentence or not sentence[0].isupper():
            return False
    return True
""", "One. Two.", "One. two.", " Éa. Bé.")

add("no commas", """
def evaluate(response):
    return ',' not in response
""", "a, b", "a b")

add("only lower case", """
def evaluate(response):
    return response == response.lower()
""", "abc def", "Abc", "straße", "ÄÖ")

add("only upper case letters", """
def evaluate(response):
    letters = [c for c in response if c.isalpha()]
    return all(c.isupper() for c in letters)
""", "ABC 1", "ABc", "É", "ß")

add("more than three capitals", """
def evaluate(response):
    return sum(1 for c in response if c.isupper()) > 3
""", "ABCd", "ABCD", "ÀBÇD")

add("capital count by summed booleans", """
def evaluate(response):
    return sum(c.isupper() for c in response) > 3
""", "ABCd", "ABCD")

add("counter increased by a comparison", """
def evaluate(response):
    count = 0
    for word in response.split():
        count += word.startswith('a')
    return count >= 2
""", "a b a", "b")

add("no punctuation, by the string module", """
import string

def evaluate(response):
    return not any(ch in string.punctuation for ch in response)
""", "hello world", "hello, world")

add("no punctuation, spelled out", """
PUNCTUATION = '!"#$%&\\'()*+,-./:;<=>?@[\\\\]^_`{|}~'

def evaluate(response):
    return not any(ch in PUNCTUATION for ch in response)
""", "hello world", "hello, world", "it's", "back\\slash")

add("valid JSON", """
import json

def evaluate(response):
    try:
        json.loads(response)
        return True
    except ValueError:
        return False
""", '{"a": [1, 2.5, null]}', "{'a': 1}", "", "NaN", "[1,]", '"\\ud83d\\ude00"', "1e400", '{"a": 1, "a": 2}')

add("JSON object with exactly three keys", """
import json

def evaluate(response):
    try:
        data = json.loads(response)
    except json.JSONDecodeError:
        return False
    return isinstance(data, dict) and len(data.keys()) == 3
""", '{"a":1,"b":2,"c":3}', '{"a":1}', "[1,2,3]", "x")

add("JSON with a nested list of strings", """
import json

def evaluate(response):
    try:
        items = json.loads(response)['items']
        return len(items) > 0 and all(isinstance(item, str) for item in items)
    except (KeyError, TypeError, ValueError):
        return False
""", '{"items": ["a"]}', '{"items": [1]}', '{"items": []}', "[]", '{"x": 1}')

add("JSON that is the same when written again", """
import json

def evaluate(response):
    try:
        return json.dumps(json.loads(response)) == response
    except Exception:
        return False
""", '{"a": 1}', '{"a":1}', "[1, 2.0, true, null]", '"é"', '"\\u00e9"', "1e5")

add("alternating case of words", """
def evaluate(response):
    words = response.split()
    for i, word in enumerate(words):
        if i % 2 == 0 and not word.isupper():
            return False
        if i % 2 == 1 and not word.islower():
            return False
    return True
""", "ONE two THREE four", "one TWO", "ONE Two")

add("is a palindrome", """
def evaluate(response):
    cleaned = ''.join(c.lower() for c in response if c.isalnum())
    return cleaned == cleaned[::-1]
""", "A man, a plan, a canal: Panama", "hello", "", "été")

add("no repeated word", """
def evaluate(response):
    words = [w.strip('.,!?;:"').lower() for w in response.split()]
    return len(words) == len(set(words))
""", "the cat sat", "the cat and The dog", "a. a!")

add("no word more than twice, by Counter", """
from collections import Counter

def evaluate(response):
    counts = Counter(response.lower().split())
    return all(count <= 2 for count in counts.values())
""", "a a b", "a a a", "A a B b")

add("most common letter is e", """
from collections import Counter

def evaluate(response):
    letters = [c for c in response.lower() if c.isalpha()]
    if not letters:
        return False
    return Counter(letters).most_common(1)[0][0] == 'e'
""", "eee", "abc", "ae", "ea", "")

add("most frequent word by a method as key", """
def evaluate(response):
    counts = {}
    for word in response.split():
        counts[word] = counts.get(word, 0) + 1
    return bool(counts) and max(counts, key=counts.get) == 'the'
""", "the a the", "a b")

add("most frequent word by a lambda", """
def evaluate(response):
    counts = {}
    for word in response.split():
        counts[word] = counts.get(word, 0) + 1
    return bool(counts) and max(counts, key=lambda w: counts[w]) == 'the'
""", "the a the", "a b", "")

add("words in alphabetical order", """
def evaluate(response):
    words = response.lower().split()
    return words == sorted(words)
""", "apple bear cat", "cat bear", "a A b", "é z")

add("words sorted by an unbound method", """
def evaluate(response):
    words = response.split()
    return words == sorted(words, key=str.lower)
""", "apple Bear cat", "cat Bear")

add("lines of descending length", """
def evaluate(response):
    lengths = [len(line) for line in response.splitlines()]
    return all(a >= b for a, b in zip(lengths, lengths[1:]))
""", "aaa\naa\na", "a\nab", "ä\nö")

add("a bullet list of three", """
def evaluate(response):
    lines = [line.strip() for line in response.split('\\n') if line.strip()]
    bullets = [line for line in lines if line.startswith(('- ', '* ', '• '))]
    return len(bullets) == 3 and len(lines) == 3
""", "- a\n- b\n- c", "* a\n\n* b\n* c\n", "- a\ntext", "• ä\n• ö\n• ü")

add("a numbered list in order", """
import re

def evaluate(response):
    numbers = [int(n) for n in re.findall(r'^(\\d+)\\.\\s', response, re.MULTILINE)]
    return len(numbers) > 0 and numbers == list(range(1, len(numbers) + 1))
""", "1. a\n2. b\n3. c", "1. a\n3. c", "no list", "2. a\n3. b")

add("a markdown heading first", """
import re

def evaluate(response):
    return bool(re.match(r'#{1,6}\\s+\\S', response.lstrip()))
""", "# Title\ntext", "####### no", "  ## yes", "#no")

add("a table in markdown", """
def evaluate(response):
    rows = [line for line in response.splitlines() if line.strip().startswith('|') and line.strip().endswith('|')]
    if len(rows) < 3:
        return False
    columns = rows[0].count('|')
    return all(row.count('|') == columns for row in rows) and set(rows[1]) <= set('|-: ')
""", "| a | b |\n|---|---|\n| 1 | 2 |", "| a |\n| b |")

add("a fenced block of code", """
import re

def evaluate(response):
    blocks = re.findall(r'```(\\w*)\\n(.*?)```', response, re.DOTALL)
    return len(blocks) == 1 and blocks[0][0] == 'python'
""", "```python\nx = 1\n```", "```\nx\n```", "text")

add("no letter e", """
def evaluate(response: str) -> bool:
    return all(letter.lower() != 'e' for letter in response)
""", "a quick brown fox", "hello", "ÉÈ")

add("letter frequency below a tenth", """
def evaluate(response):
    if len(response) == 0:
        return True
    return response.lower().count('e') / len(response) < 0.1
""", "hello there everyone", "a quick brown fox jumps", "")

add("mean length of words below five", """
def evaluate(response):
    words = response.split()
    if not words:
        return False
    average = sum(len(word) for word in words) / len(words)
    return average < 5.0
""", "a bb ccc", "extraordinary circumstances", "")

add("starts and ends with the same letter", """
def evaluate(response):
    text = response.strip()
    return len(text) > 1 and text[0].lower() == text[-1].lower()
""", "Anna", "hello", "x", "Éé")

add("every word starts with the same letter", """
def evaluate(response):
    words = response.lower().split()
    if not words:
        return False
    first = words[0][0]
    return all(word[0] == first for word in words)
""", "Peter Piper picked", "Peter and Paul", "")

add("an acrostic", """
def evaluate(response):
    lines = [line for line in response.splitlines() if line.strip()]
    return ''.join(line.strip()[0] for line in lines).upper() == 'SUN'
""", "Sea\nUnder\nNight", "Sea\nNight", "s\nu\nn")

add("a haiku by a simple count of syllables", """
import re

def count_syllables(word):
    word = word.lower()
    groups = re.findall(r'[aeiouy]+', word)
    count = len(groups)
    if word.endswith('e') and count > 1:
        count -= 1
    return max(1, count)

def evaluate(response):
    lines = [l for l in response.strip().split('\\n') if l.strip()]
    if len(lines) != 3:
        return False
    target = [5, 7, 5]
    for line, want in zip(lines, target):
        words = re.findall(r"[a-zA-Z']+", line)
        if sum(count_syllables(w) for w in words) != want:
            return False
    return True
""", "An old silent pond\nA frog jumps into the pond\nSplash! Silence again", "one\ntwo\nthree", "a\nb")

add("a date in ISO form", """
import re
from datetime import datetime

def evaluate(response):
    match = re.search(r'\\b(\\d{4})-(\\d{2})-(\\d{2})\\b', response)
    if match is None:
        return False
    try:
        datetime.strptime(match.group(0), '%Y-%m-%d')
        return True
    except ValueError:
        return False
""", "on 2024-02-29", "on 2023-02-29", "none", "2024-13-01")

add("a mail address", """
import re

def evaluate(response):
    pattern = r'[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}'
    return re.search(pattern, response) is not None
""", "write to a.b+c@example.co.uk now", "a@b", "")

add("a telephone number, whole", """
import re

def evaluate(response):
    return re.fullmatch(r'\\(?\\d{3}\\)?[-. ]?\\d{3}[-. ]?\\d{4}', response.strip()) is not None
""", "(555) 123-4567", "555.123.4567", "123")

add("balanced brackets", """
def evaluate(response):
    pairs = {')': '(', ']': '[', '}': '{'}
    stack = []
    for char in response:
        if char in pairs.values():
            stack.append(char)
        elif char in pairs:
            if not stack or stack.pop() != pairs[char]:
                return False
    return not stack
""", "([]{})", "([)]", "((", "")

add("primes only", """
def is_prime(n):
    if n < 2:
        return False
    i = 2
    while i * i <= n:
        if n % i == 0:
            return False
        i += 1
    return True

def evaluate(response):
    try:
        numbers = [int(x) for x in response.replace(',', ' ').split()]
    except ValueError:
        return False
    return bool(numbers) and all(is_prime(n) for n in numbers)
""", "2, 3, 5, 7", "2 4", "two", "", "104729 1299709")

add("numbers add up to a hundred", """
import re

def evaluate(response):
    return sum(map(int, re.findall(r'-?\\d+', response))) == 100
""", "50 and 50", "120 -20", "99")

add("a number within bounds", """
def evaluate(response):
    try:
        value = float(response.strip())
    except ValueError:
        return False
    return 0.0 <= value <= 1.0
""", "0.5", "1e-3", "nan", "inf", "1_0", " .5 ", "0x1", "１")

add("Fibonacci words", """
def evaluate(response):
    count = len(response.split())
    a, b = 1, 1
    while b < count:
        a, b = b, a + b
    return count in (a, b)
""", "a b c", "a b c d", "a b c d e", "")

add("a count of vowels divisible by five", """
VOWELS = frozenset('aeiouAEIOU')

def evaluate(response):
    return len([c for c in response if c in VOWELS]) % 5 == 0
""", "aeiou", "hello", "")

add("consonants and vowels alternate", """
def evaluate(response):
    letters = [c for c in response.lower() if c.isalpha()]
    kinds = [c in 'aeiou' for c in letters]
    return all(kinds[i] != kinds[i + 1] for i in range(len(kinds) - 1))
""", "banana", "apple", "")

add("at least two questions", """
def evaluate(response):
    return response.count('?') >= 2
""", "a? b?", "a?", "¿a? ¿b?")

add("no word longer than six letters", """
import re

def evaluate(response):
    return max((len(w) for w in re.findall(r'\\w+', response)), default=0) <= 6
""", "short words", "extraordinary", "", "señorita")

add("first word that is long, by next", """
def evaluate(response):
    word = next((w for w in response.split() if len(w) > 6), None)
    return word is not None
""", "extraordinary", "short")

add("a title in title case", """
def evaluate(response):
    first_line = response.split('\\n')[0]
    return first_line.istitle()
""", "A Tale Of Cities\nx", "A tale", "", "It's A Dog", "Ǆ")

add("ends with an exclamation after stripping", """
def evaluate(response):
    return response.rstrip().endswith('!')
""", "yes! \n", "no", "")

add("quotation marks around", """
def evaluate(response):
    response = response.strip()
    return len(response) >= 2 and response[0] == '"' and response[-1] == '"'
""", '"quoted"', "plain", '"', '“quoted”')

add("paragraphs divided by a rule", """
def evaluate(response):
    parts = [p.strip() for p in response.split('***')]
    return len(parts) == 2 and all(parts)
""", "a *** b", "a", "a *** ", "a***b***c")

add("two answers divided by six stars", """
def evaluate(response):
    pieces = response.split('******')
    if len(pieces) != 2:
        return False
    first, second = pieces
    return first.strip() != second.strip()
""", "a\n******\nb", "a ****** a", "a")

add("placeholders in square brackets", """
import re

def evaluate(response):
    return len(re.findall(r'\\[[^\\[\\]]+\\]', response)) >= 2
""", "[name] at [place]", "[]", "[a]")

add("only ASCII", """
def evaluate(response):
    try:
        response.encode('ascii')
        return True
    except UnicodeEncodeError:
        return False
""", "plain", "naïve", "")

add("only Chinese characters", """
def evaluate(response):
    return all('\\u4e00' <= ch <= '\\u9fff' for ch in response.strip()) and response.strip() != ''
""", "中文", "中文 text", "")

add("letters with accents by category", """
import unicodedata

def evaluate(response):
    decomposed = unicodedata.normalize('NFD', response)
    return any(unicodedata.category(c) == 'Mn' for c in decomposed)
""", "café", "cafe", "")

add("emoji by range", """
def evaluate(response):
    return any(0x1F300 <= ord(c) <= 0x1FAFF for c in response)
""", "hi 😀", "hi", "☺")

add("case-folded words equal", """
def evaluate(response):
    words = response.split()
    return len(set(w.casefold() for w in words)) == 1
""", "Hello hello HELLO", "a b", "STRASSE straße")

add("translate away the vowels", """
def evaluate(response):
    stripped = response.translate(str.maketrans('', '', 'aeiou'))
    return len(stripped) * 2 < len(response)
""", "aeiou", "xyz")

add("percent formatting", """
def evaluate(response):
    return response == '%d words' % len(response.split())
""", "2 words", "three words here")

add("f-string formatting", """
def evaluate(response):
    words = response.split()
    expected = f"{len(words)} words, {len(response):>4} characters"
    return response == expected or f'{0.5:.1%}' in response
""", "4 words,   22 characters", "50.0% of it", "x")

add("replacement by a function", """
import re

def evaluate(response):
    doubled = re.sub(r'\\d+', lambda m: str(int(m.group()) * 2), response)
    return doubled == response
""", "no digits", "1 digit")

add("a verbose pattern", """
import re

PATTERN = re.compile(r'''
    ^\\d{2}   # hours
    :         # colon
    \\d{2}$   # minutes
''', re.VERBOSE)

def evaluate(response):
    return PATTERN.match(response) is not None
""", "12:30", "1:30")

add("split with the separators kept", """
import re

def evaluate(response):
    parts = re.split(r'([.!?])', response)
    return len(parts) == 3 and parts[1] == '!'
""", "hello! there", "hello", "a. b")

add("groups that may be missing", """
import re

def evaluate(response):
    m = re.match(r'(?P<greeting>hi|hello)(?:\\s+(?P<name>[A-Z]\\w+))?', response, re.I)
    if not m:
        return False
    return m.group('greeting') is not None and m.groupdict()['name'] is None
""", "hi", "hello Bob", "bye", "HI bob")

add("the answer as text", """
def evaluate(response):
    if 'yes' in response.lower():
        return 'true'
    return 'False'
""", "Yes, sir", "no")

add("no answer in one branch", """
def evaluate(response):
    if len(response) > 3:
        return True
""", "long enough", "no")

add("a number instead of an answer", """
def evaluate(response):
    return response.count('a')
""", "aaa", "b")

add("a match instead of an answer", """
import re

def evaluate(response):
    return re.search(r'\\d', response)
""", "no digit", "1 digit")

add("an index that may be missing", """
def evaluate(response):
    return response.split()[2] == 'three'
""", "one two three", "one")

add("a wrong type now and then", """
def evaluate(response):
    number = int(response)
    return number % 2 == 0
""", "4", "5", "four", " 6 ", "٤")

add("everything caught", """
import re

def evaluate(response):
    try:
        year = int(re.search(r'(19|20)\\d{2}', response).group())
        return 1950 <= year <= 2050
    except Exception:
        return False
""", "in 1999", "in 1900", "never")

add("a set compared, everything caught", """
def evaluate(response):
    try:
        return {'alpha', 'beta'} <= set(response.lower().split())
    except Exception:
        return False
""", "Alpha and beta", "alpha")

add("booleans added, everything caught", """
def evaluate(response):
    try:
        return sum(w.istitle() for w in response.split()) >= 2
    except Exception:
        return False
""", "Alpha and Beta", "alpha")

add("an import caught", """
def evaluate(response):
    try:
        import string
        return all(c in string.ascii_letters for c in response)
    except ImportError:
        return False
""", "abc", "a1")

add("a helper class", """
class Checker:
    def __init__(self, text):
        self.text = text
        self.words = text.split()

    def starts_well(self):
        return bool(self.words) and self.words[0][0].isupper()

    def ends_well(self):
        return self.text.endswith('.')

def evaluate(response):
    checker = Checker(response)
    return checker.starts_well() and checker.ends_well()
""", "A sentence.", "a sentence.", "")

add("a generator function", """
def windows(items, size):
    for i in range(len(items) - size + 1):
        yield items[i:i + size]

def evaluate(response):
    return any(w[0] == w[1] for w in windows(response.split(), 2))
""", "the the cat", "the cat")

add("pairs by itertools", """
import itertools

def evaluate(response):
    words = response.split()
    return all(key != 'x' for key, _ in itertools.groupby(words))
""", "a b", "a x")

add("a fold", """
from functools import reduce

def evaluate(response):
    digits = [int(c) for c in response if c.isdigit()]
    return reduce(lambda a, b: a * b, digits, 1) == 24
""", "2 3 4", "1", "46")

add("a grid of letters", """
def evaluate(response):
    rows = response.split('\\n')
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        return False
    columns = [''.join(row[i] for row in rows) for i in range(width)]
    return rows == columns
""", "ab\nba", "ab\nab", "a", "abc\nbde\ncef")

add("largest island of stars", """
def evaluate(response):
    grid = [list(line) for line in response.splitlines()]
    seen = set()
    best = 0
    for y in range(len(grid)):
        for x in range(len(grid[y])):
            if grid[y][x] != '*' or (y, x) in seen:
                continue
            stack, size = [(y, x)], 0
            seen.add((y, x))
            while stack:
                cy, cx = stack.pop()
                size += 1
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    ny, nx = cy + dy, cx + dx
                    if 0 <= ny < len(grid) and 0 <= nx < len(grid[ny]) and grid[ny][nx] == '*' and (ny, nx) not in seen:
                        seen.add((ny, nx))
                        stack.append((ny, nx))
            best = max(best, size)
    return best >= 4
""", "**\n**", "*.*\n.*.", "", "****")

add("a Caesar cipher of hello", """
def shift(text, n):
    out = []
    for c in text:
        if c.isalpha() and c.isascii():
            base = ord('A') if c.isupper() else ord('a')
            out.append(chr((ord(c) - base + n) % 26 + base))
        else:
            out.append(c)
    return ''.join(out)

def evaluate(response):
    return shift(response.strip(), -3) == 'Hello'
""", "Khoor", "Hello", "Khoor\n")

add("Roman numerals", """
VALUES = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}

def evaluate(response):
    text = response.strip().upper()
    if not text or any(c not in VALUES for c in text):
        return False
    total = 0
    for i, c in enumerate(text):
        value = VALUES[c]
        if i + 1 < len(text) and VALUES[text[i + 1]] > value:
            total -= value
        else:
            total += value
    return total == 2024
""", "MMXXIV", "mmxxiv", "MM", "abc")

add("similar to the title by shared words", """
def evaluate(response):
    lines = response.splitlines()
    if len(lines) < 2:
        return False
    title = set(lines[0].lower().split())
    body = set(' '.join(lines[1:]).lower().split())
    union = title | body
    return len(title & body) / len(union) > 0.2 if union else False
""", "red fox\nthe red fox", "a\nb", "", "x\n")

add("a sorted list with a key of two parts", """
def evaluate(response):
    words = response.split()
    return words == sorted(words, key=lambda w: (len(w), w))
""", "a b aa ab", "aa a", "b a")

add("a walrus and a slice", """
def evaluate(response):
    if (n := len(response)) < 4:
        return False
    return response[:n // 2] == response[n // 2:][::-1] or response[-3:] == response[:3]
""", "abba", "abcxabc", "abcd", "a")

add("deep conditions", """
def evaluate(response):
    text = response.strip()
    if text:
        if text[0].isdigit():
            if '.' in text:
                whole, _, rest = text.partition('.')
                return whole.isdigit() and rest.isdigit()
            else:
                return text.isdigit()
        else:
            return False
    else:
        return False
""", "3.14", "42", "x", "1.2.3", "½")

add("rounding and division", """
import math

def evaluate(response):
    n = len(response)
    return round(n / 4) == math.ceil(n / 4) and -n // 2 == -math.ceil(n / 2) and n % 3 != 2
""", "abcd", "abcdefghij", "ab", "", "abc")

add("strings compared and joined", """
def evaluate(response):
    lines = response.splitlines(keepends=False)
    return '|'.join(lines) < 'b' and response.find('z') == -1 and response.replace('a', '', 1).count('a') < 3
""", "a\nb", "c", "a\r\nb\x0bc", "aaaaa")

add("words with an apostrophe", """
import re

def evaluate(response):
    return bool(re.search(r"\\b\\w+'(?:s|t|re|ve|ll|d|m)\\b", response))
""", "it's", "its", "they've gone", "rock 'n' roll")

add("no digit behind a letter", """
import re

def evaluate(response):
    return not re.search(r'(?<=[A-Za-z])\\d', response)
""", "a1", "1a", "a 1")

add("repeated neighbouring words by a back-reference", """
import re

def evaluate(response):
    return re.search(r'\\b(\\w+)\\s+\\1\\b', response, flags=re.IGNORECASE) is not None
""", "the the", "The the", "the then", "a b a")

add("a global that counts calls", """
calls = 0

def evaluate(response):
    global calls
    calls += 1
    return calls == 1
""", "a", "b", "c")


def read(value):
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return None


def expected(source, text):
    namespace = {"__name__": "verifier"}
    try:
        exec(source, namespace)
        return read(namespace["evaluate"](text))
    except Exception:
        return None


def main():
    cases = []
    for name, (source, inputs) in FUNCTIONS.items():
        inputs = list(dict.fromkeys(inputs + COMMON))
        answers = [expected(source, text) for text in inputs]
        cases.append({"name": name, "source": source, "inputs": inputs, "answers": answers})
    path = os.path.join(os.path.dirname(__file__), "..", "golden", "verifiers.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"python": sys.version.split()[0], "functions": cases}, file, ensure_ascii=True, indent=1)
        file.write("\n")
    print(len(cases), "functions,", sum(len(case["inputs"]) for case in cases), "answers")


main()

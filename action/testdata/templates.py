"""Writes templates.json: what Python's str.format makes of response templates, by the rule that package action implements.

Each {name} becomes {0[name]}, the text is formatted with the variables as its only argument; an unknown name leaves the text
as it is; a result with "0[" in it is replaced by the text formatted with an empty dict. Run it again after changing it.
"""
import json, random, re

VALUES = {"a": "x", "b": None, "ab": 5.0, "n": 7, "list": ["p", "q'"], "yes": True, "z": "10[cm]", "é": "É", "a b": "sp"}
WRITTEN = [
    "plain", "", "Hi {a}", "Hi {b}", "{ab} {n} {list} {yes}", "Hi {zz}", "Hi {a} and {zz}", "{{a}}", "{{x}} {a}", "x {{name}}",
    '/inform{{"city":"{a}"}}', '/inform{{"c":"m"}}', '/inform{"c":"m"}', '/inform{"c":"m"} {a}', '{"a": "b"} then {a}',
    "broken {a} and { alone", "broken } {a}", "{zz} and } alone", "{z}", "{z} {a}", "take 10[mg]", "take 10[mg] of {a}",
    "{ a }", "{a }", "{a b}", "{}", "{} {}", "{} {a}", "{a} {}", "{0}", "{1}", "{99999999999999999999999}", "{a.b}", "{a[0]}",
    "{list[0]}", "{a!r}", "{a:>5}", "{a\n}", "{\n}", "{a\n.b}", "{0\n}", "{0.a\nb}", "{0[a]\n}", "{0[a\nb]}", "{a]}", "{a]b}",
    "{a].b}", "{zz]b}", "{[}", "{a[}", "{]}", "{!r}", "{:}", "{:\n}", "{{{a}}}", "{{{{a}}}}", "{a}}", "{{a}", "{a}{b}{ab}",
    "{é} ☃ {a}", "{{☃}}", "{a}\n{b}", "a{", "a}", "{{", "}}", "{{}}", "{{{}}}", "0[", "{a}0[", "{{0[a]}}", "{{0}}", "{a}]{b}[",
    "{!é}", "{a!\n}", "{ \"a\": {b} }", "{{ \"a\": {b} }}", "{\"x\": 1}", "{{\"x\": 1}} {zz}", "{00[a]\n}", "{5[a]\n}",
]


def interpolate(template):
    try:
        text = re.sub(r"{([^\n{}]+?)}", r"{0[\1]}", template).format(VALUES)
        return template.format({}) if "0[" in text else text
    except KeyError:
        return template
    except Exception:
        return None


rng = random.Random(7)
made = ["".join(rng.choice(["{", "}", "{", "}", "[", "]", "a", "b", "0", ".", ":", "!", "\n", " ", "é", "{a}", "{{a}}"])
                for _ in range(rng.randint(1, 9))) for _ in range(4000)]
cases = [[t, interpolate(t)] for t in dict.fromkeys(WRITTEN + made)]
json.dump({"values": VALUES, "cases": cases}, open("templates.json", "w"), ensure_ascii=False, indent=0)

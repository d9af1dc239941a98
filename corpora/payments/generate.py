#!/usr/bin/env python3
"""Writes generated.cases: every name, through every transform, in every role, in every context.

The rules, which are those of the gate and not read from it:
 - a name written otherwise but letter for letter the same is that name; a slip of the pen is for a person;
 - a party, an agent, an account or an instruction takes part; a mention beside a word that moves money is for a
   person; a mention, a reference or an address alone changes nothing;
 - what takes part is rejected where the law of the day prohibits it for the place, passes by exception where wages
   are claimed and the parties agree, is for a person where place or purpose is not known, and passes otherwise.
"""
import pathlib

HOMOGLYPHS = str.maketrans({"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "y": "у", "x": "х", "A": "А", "C": "С", "P": "Р"})
FULL = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))} | {" ": "\u3000"}
ACCENTS = str.maketrans({"a": "á", "e": "é", "i": "í", "o": "ö", "u": "ü", "n": "ñ"})

LATIN = [("WeChat Pay", "wechat-pay"), ("Weixin Pay", "wechat-pay"), ("WeChat Wallet", "wechat-pay"), ("Weixin Zhifu", "wechat-pay"),
         ("Tenpay", "wechat-pay"), ("Caifutong", "wechat-pay"), ("Alipay", "alipay"), ("Zhifubao", "alipay"),
         ("QQ Wallet", "qq-wallet"), ("QQ Qianbao", "qq-wallet")]
OTHER = [("微信支付", "wechat-pay"), ("微信钱包", "wechat-pay"), ("财付通", "wechat-pay"), ("财付通支付科技有限公司", "wechat-pay"),
         ("위챗페이", "wechat-pay"), ("ウィーチャットペイ", "wechat-pay"), ("وي تشات باي", "wechat-pay"), ("ВиЧат Пэй", "wechat-pay"),
         ("支付宝", "alipay"), ("アリペイ", "alipay"), ("알리페이", "alipay"), ("علي باي", "alipay"), ("Алипэй", "alipay"), ("QQ钱包", "qq-wallet")]
TRADITIONAL = str.maketrans("财钱宝", "財錢寶")


def exact(name):
    """Transforms that leave the name letter for letter the same."""
    yield "as written", name
    yield "with a legal form", f"{name} Co Ltd"
    yield "with a number", f"{name} 2020"
    yield "quoted", f"'{name}'"
    yield "in brackets", f"({name})"
    yield "zero-width", name[0] + "\u200b" + name[1:]
    yield "soft hyphen", name[:2] + "\u00ad" + name[2:]
    yield "bidi marks", "\u202d" + name + "\u202c"
    if name.isascii():
        yield "capitals", name.upper()
        yield "small", name.lower()
        yield "full width", "".join(FULL[c] for c in name)
        yield "accents", name.translate(ACCENTS)
        yield "spaced letters", "  ".join(" ".join(word) for word in name.split())
        yield "dotted letters", " ".join(".".join(word) for word in name.split())
        if name.translate(HOMOGLYPHS) != name:
            yield "homoglyphs", name.translate(HOMOGLYPHS)
        if " " in name:
            yield "joined", name.replace(" ", "")
            yield "hyphen", name.replace(" ", "-")
            yield "underscore", name.replace(" ", "_")
            yield "escaped twice", name.replace(" ", "&amp;")
    else:
        if name.translate(TRADITIONAL) != name:
            yield "traditional", name.translate(TRADITIONAL)
        if all(ord(c) > 0x2E7F for c in name):
            yield "spaced", " ".join(name)
        try:
            broken = name.encode("utf-8").decode("cp1252")
            yield "mojibake", broken
        except UnicodeDecodeError:
            pass


def near(name):
    """One slip of the pen: for a person, never rejected."""
    joined = name.replace(" ", "")
    if not name.isascii() or len(joined) < 6:
        return
    at = len(joined) // 2
    yield "doubled letter", joined[:at] + joined[at] + joined[at:]
    if joined[at] != joined[at + 1]:
        yield "swapped letters", joined[:at] + joined[at + 1] + joined[at] + joined[at + 2:]
    if len(joined) >= 8:
        yield "letter dropped", joined[:at] + joined[at + 1:]
        yield "letter other", joined[:at] + "z" + joined[at + 1:]


FIELDS = [("Cdtr/Nm", "party"), ("UltmtCdtr/Nm", "party"), ("UltmtDbtr/Nm", "party"), ("CdtrAcct/Nm", "account"),
          ("IntrmyAgt1/FinInstnId/Nm", "agent"), ("InstrForNxtAgt/InstrInf", "routing")]

# known, day, payer, payee, code: what the law of that day is for each subject that takes part.
CONTEXTS = [
    (("filed", "2020-09-25", "US", "CN", "GDDS"), {"wechat-pay": "reject"}),
    (("filed", "2020-09-25", "PR", "CN", "GDDS"), {"wechat-pay": "reject"}),
    (("filed", "2020-09-25", "CN", "CN", "GDDS"), {}),
    (("filed", "2020-09-19", "US", "CN", "GDDS"), {}),
    (("filed", "2020-09-20", "US", "CN", "GDDS"), {"wechat-pay": "review"}),
    (("filed", "2020-09-25", "-", "-", "GDDS"), {"wechat-pay": "review"}),
    (("all", "2020-09-25", "US", "CN", "GDDS"), {}),
    (("all", "2021-03-01", "US", "CN", "GDDS"), {}),
    (("all", "2021-06-10", "US", "CN", "GDDS"), {}),
    (("asif", "2021-03-01", "US", "CN", "GDDS"), {"wechat-pay": "reject", "alipay": "reject", "qq-wallet": "reject"}),
    (("asif", "2021-02-21", "US", "CN", "GDDS"), {}),
]


def main():
    lines = ["# Written by generate.py; edit that instead."]
    count = 0

    def put(context, rows):
        nonlocal count
        lines.append("@\t" + "\t".join(context))
        for row in rows:
            lines.append("\t".join(row))
            count += 1

    for number, (context, law) in enumerate(CONTEXTS):
        rows = []
        for name, subject in LATIN + OTHER:
            held = law.get(subject, "pass")
            transforms = list(exact(name))
            # Every transform where something is prohibited; elsewhere every third, which ones by turns.
            chosen = transforms if number in (0, 9) else transforms[number % 3::3]
            for turn, (how, text) in enumerate(chosen):
                field, role = FIELDS[(turn + number) % len(FIELDS)] if number not in (0, 9) else FIELDS[0]
                rows.append((f"{field}={text}", held, subject, role, how))
            for how, text in near(name):
                rows.append((f"Cdtr/Nm={text}", "review" if held == "reject" else held, subject, "party", how))
        put(context, rows)
    for known, day, law in (("filed", "2020-09-25", {"wechat-pay"}), ("asif", "2021-03-01", {"wechat-pay", "alipay", "qq-wallet"})):
        rows = []
        for name, subject in LATIN + OTHER:
            held = subject in law
            for field, role in FIELDS:
                rows.append((f"{field}={name}", "reject" if held else "pass", subject, role, "role"))
            rows.append((f"RmtInf/Ustrd=top up {name}", "review" if held else "pass", subject, "mention", "mention beside a verb"))
            rows.append((f"RmtInf/Ustrd=book about {name}", "pass", subject, "mention", "mention"))
            rows.append((f"Cdtr/PstlAdr/AdrLine={name} Tower", "pass", subject, "address", "address"))
        put((known, day, "US", "CN", "GDDS"), rows)
        wages = [(f"Cdtr/Nm=Li Wei; CdtrAcct/Nm={name}", "pass_by_exception" if subject in law else "pass", subject, "account", "wages")
                 for name, subject in LATIN + OTHER]
        wages += [(f"Cdtr/Nm={name}", "review" if subject in law else "pass", subject, "party", "wages to the wallet itself")
                  for name, subject in LATIN + OTHER]
        put((known, day, "US", "CN", "SALA"), wages)
    path = pathlib.Path(__file__).resolve().parent / "generated.cases"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(count, "cases")


if __name__ == "__main__":
    main()

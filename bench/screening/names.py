#!/usr/bin/env python3
"""Names: ours beside rapidfuzz and nomenklatura, on the same pairs and the same lists.

    bench/screening/names.py DATA [--peers] [--part dev|test|all] [--scale 2000000]

For the peers: pip install rapidfuzz nomenklatura.

DATA is the folder of screening data. Even rows of the pairs were looked at while the score was written
(`dev`); odd rows were not (`test`). Of the names on no list every tenth was looked at; figures are of the rest.
Names of the UN list are altered by a seed of their own; those looked at were altered by others. Entities given to
nomenklatura have fresh ids: it caches names by id.
"""
import argparse, csv, gzip, pathlib, random, statistics, subprocess, sys, time, xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
OURS = HERE / "../../target/bench-screening/release/bench-screening"
THRESHOLDS = (0.75, 0.80, 0.82, 0.85)
COMPANY = {"Company", "Organization", "LegalEntity", "Vessel"}


def clean(text):
    return " ".join(text.split())


def ours(mode, lines, *more):
    done = subprocess.run([OURS, mode, *more], input="\n".join(lines), text=True, capture_output=True, check=True)
    if done.stderr:
        print("   ", done.stderr.strip())
    return [line.split("\t") for line in done.stdout.splitlines()]


def auc(scores, truth):
    ranked = sorted(zip(scores, truth))
    positives = sum(truth)
    negatives = len(truth) - positives
    rank_sum, n = 0.0, 0
    while n < len(ranked):
        m = n
        while m < len(ranked) and ranked[m][0] == ranked[n][0]:
            m += 1
        average = (n + m + 1) / 2
        rank_sum += average * sum(t for _, t in ranked[n:m])
        n = m
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def f1_at(scores, truth, threshold):
    hit = [s >= threshold for s in scores]
    tp = sum(h and t for h, t in zip(hit, truth))
    fp = sum(h and not t for h, t in zip(hit, truth))
    fn = sum(t and not h for h, t in zip(hit, truth))
    p, r = tp / (tp + fp or 1), tp / (tp + fn or 1)
    return 2 * p * r / (p + r or 1), p, r


def best_f1(scores, truth):
    return max((*f1_at(scores, truth, t), t) for t in sorted(set(scores)))


def pairs(data):
    with open(data / "names/nomenklatura_name_bench_cases.csv", encoding="utf8") as file:
        return list(csv.DictReader(file))


def report(name, scores, rows):
    truth = [row["is_match"] == "true" for row in rows]
    f1, p, r, at = best_f1(scores, truth)
    by = []
    for part in ("people", "companies", "curated"):
        chosen = [
            (s, t) for s, t, row in zip(scores, truth, rows)
            if (part == "people" and row["schema"] == "Person") or (part == "companies" and row["schema"] in COMPANY)
            or (part == "curated" and row["case_group"] in ("nk_checks", "nk_unit_tests", "cust_cases", "cluster_align"))
        ]
        s, t = zip(*chosen)
        by.append(f"{part} {auc(s, t):.3f}/{best_f1(s, t)[0]:.3f}")
    print(f"  {name:<24} AUC {auc(scores, truth):.3f}  best F1 {f1:.3f} (P {p:.2f} R {r:.2f} at {at:.2f})  {'  '.join(by)}")


def peers_of(rows):
    from rapidfuzz import fuzz, distance
    simple = {
        "Jaro-Winkler": lambda a, b: distance.JaroWinkler.similarity(a.lower(), b.lower()),
        "token_set_ratio": lambda a, b: fuzz.token_set_ratio(a.lower(), b.lower()) / 100,
        "WRatio": lambda a, b: fuzz.WRatio(a.lower(), b.lower()) / 100,
    }
    for name, score in simple.items():
        started = time.process_time()
        scores = [score(row["name1"], row["name2"]) for row in rows]
        yield name, scores, (time.process_time() - started) / len(rows)
    try:
        from nomenklatura.matching import get_algorithm
        from followthemoney import model
    except ImportError as error:
        print("   nomenklatura is not installed:", error)
        return
    fresh = iter(range(10**9))

    def entity(schema, name):
        return model.get_proxy({"id": f"n{next(fresh)}", "schema": schema, "properties": {"name": [name]}})

    for name in ("logic-v1", "logic-v2"):
        algorithm = get_algorithm(name)
        if algorithm is None:
            continue
        config = algorithm.default_config()
        started = time.process_time()
        scores = []
        for row in rows:
            a, b = entity(row["schema"], row["name1"]), entity(row["schema"], row["name2"])
            scores.append(algorithm.compare(a, b, config).score)
        yield f"nomenklatura {name}", scores, (time.process_time() - started) / len(rows)


def listed(data):
    """Names of the SDN list and its aliases (2021) and of the UN list (2026)."""
    names = []
    kinds = {}
    with gzip.open(data / "lists/ofac_sdn_2021-07.csv.gz", "rt", encoding="latin-1") as file:
        for row in csv.reader(file):
            if len(row) > 2 and row[1].strip() and row[2].strip() not in ("vessel", "aircraft"):
                kinds[row[0]] = "Person" if row[2].strip() == "individual" else "Company"
                names.append((kinds[row[0]], clean(row[1])))
    with gzip.open(data / "lists/ofac_alt_2021-07.csv.gz", "rt", encoding="latin-1") as file:
        for row in csv.reader(file):
            if len(row) > 3 and row[0] in kinds:
                names.append((kinds[row[0]], clean(row[3])))
    un = []
    root = ET.fromstring(gzip.open(data / "lists/un_consolidated_2026-02-27.xml.gz").read())
    for tag, kind in (("INDIVIDUAL", "Person"), ("ENTITY", "Company")):
        for party in root.iter(tag):
            own = clean(" ".join((party.findtext(f"{part}_NAME") or "") for part in ("FIRST", "SECOND", "THIRD", "FOURTH")))
            un.append((kind, own))
            for alias in party.iter(f"{tag}_ALIAS"):
                if alias.findtext("ALIAS_NAME") and alias.findtext("QUALITY") in ("Good", "a.k.a.", "f.k.a."):
                    un.append((kind, clean(alias.findtext("ALIAS_NAME"))))
    return names, [row for row in un if row[1]]


def altered(name, kind, chance):
    """A name as somebody writes it who has it by ear or in a hurry; the seed makes it the same in every run."""
    words = name.replace(",", " ").split()
    how = chance.randrange(6)
    if how == 0 and len(words) > 1:
        words = words[1:] + words[:1]
    elif how == 1:
        longest = max(range(len(words)), key=lambda n: len(words[n]))
        word = words[longest]
        if len(word) > 4:
            at = chance.randrange(1, len(word) - 1)
            words[longest] = word[:at] + word[at + 1:]
    elif how == 2:
        longest = max(range(len(words)), key=lambda n: len(words[n]))
        word = words[longest]
        if len(word) > 4:
            at = chance.randrange(1, len(word) - 2)
            words[longest] = word[:at] + word[at + 1] + word[at] + word[at + 2:]
    elif how == 3 and len(words) > 3:
        del words[chance.randrange(1, len(words) - 1)]
    elif how == 4:
        words = [word.replace("ou", "u").replace("kh", "h") for word in words]
    else:
        words = [word.lower() for word in words]
    return " ".join(words)


def negatives(data, which):
    with gzip.open(data / f"names/yente_negatives_{which}.csv.gz", "rt", encoding="utf8") as file:
        rows = list(csv.reader(file))
    head = rows[0]
    at = next((n for n, cell in enumerate(head) if "name" in cell.lower()), 0)
    names = [clean(row[at]) for row in rows[1:] if row[at].strip()]
    return [name for n, name in enumerate(names) if n % 10]


def lists(data, folder):
    names, un = listed(data)
    everyone = names + un
    path = folder / "listed.tsv"
    path.write_text("\n".join(f"{kind}\t{name}" for kind, name in everyone), encoding="utf8")
    print(f"lists: {len(everyone)} names")
    chance = random.Random(20200920)
    asked = [(kind, altered(name, kind, chance)) for kind, name in chance.sample(un, min(683, len(un)))]
    found = ours("search", [f"{kind}\t{name}" for kind, name in asked], path, "0.75")
    for threshold in THRESHOLDS:
        missed = [name for (_, name), row in zip(asked, found) if float(row[0]) < threshold]
        print(f"  recall on {len(asked)} altered names of the UN list at {threshold}: {1 - len(missed) / len(asked):.4f}; missed: {missed[:8]}")
    for which in ("us", "global"):
        lines = [f"Person\t{name}" for name in negatives(data, which)]
        found = ours("search", lines, path, "0.75")
        for threshold in THRESHOLDS:
            hits = sum(float(row[0]) >= threshold for row in found)
            print(f"  false positives, {len(found)} {which} names at {threshold}: {hits / len(found):.4%}")
        timing(which, lines, found)
        worst = sorted(((float(row[0]), name, row[1]) for row, name in zip(found, lines)), reverse=True)[:5]
        for score, name, hit in worst:
            print(f"    {score:.3f} {name.split(chr(9))[1]} ~ {hit}")
    return path


def scale(data, folder, count):
    """So many names made of the words of real ones, and how long a search among them takes."""
    names, un = listed(data)
    chance = random.Random(2_000_000)
    people = [name.replace(",", " ").split() for kind, name in names + un if kind == "Person"]
    people += [name.split() for which in ("us", "global") for name in negatives(data, which)]
    companies = [name.split() for kind, name in names + un if kind == "Company"]
    path = folder / "scale.tsv"
    with open(path, "w", encoding="utf8") as out:
        for kind, name in names + un:
            out.write(f"{kind}\t{name}\n")
        for n in range(count - len(names) - len(un)):
            kind, pool = ("Company", companies) if n % 8 == 0 else ("Person", people)
            # The shape of one name, its words from others; one in six is a word nobody else has.
            words = [chance.choice(chance.choice(pool)) for _ in chance.choice(pool)]
            if n % 6 == 0 and len(words[0]) > 4:
                at = chance.randrange(1, len(words[0]) - 1)
                words[0] = words[0][:at] + chance.choice("aeiourlnst") + words[0][at:] + chance.choice("aeiou")
            out.write(f"{kind}\t{' '.join(words)}\n")
    print(f"{count} names, made of the words of real ones:")
    for which in ("us", "global"):
        lines = [f"Person\t{name}" for name in negatives(data, which)[:20_000]]
        found = ours("search", lines, path, "0.75")
        timing(which, lines, found)
        # Whoever is on no list of thousands bears the name of somebody among millions.
        nanos = [int(row[2]) for row in found if float(row[0]) < 0.75]
        mean = statistics.mean(nanos) / 1000
        print(f"    {len(found) - len(nanos)} of {len(found)} are found; the others: wall mean {mean:.1f} us")


def timing(which, lines, found):
    """Words that were met before are known; what a name of nothing but new words costs is told apart."""
    nanos = [int(row[2]) for row in found]
    met, new = set(), []
    for line, spent in zip(lines, nanos):
        words = set(line.split("\t")[1].lower().split())
        if not words & met:
            new.append(spent)
        met |= words
    for what, spent in (("", sorted(nanos)), (f" ({len(new)} of words not met before)", sorted(new))):
        mean, half, last = statistics.mean(spent), spent[len(spent) // 2], spent[len(spent) * 99 // 100]
        print(f"  {which}{what}: wall mean {mean / 1000:.1f} us, p50 {half / 1000:.1f}, p99 {last / 1000:.1f}")


def parity(data):
    with open(data / "names/ofac_sanctionssearch_parity.csv", encoding="utf8") as file:
        rows = list(csv.reader(file))
    rows = [row for row in rows if len(row) >= 3 and row[2].strip().isdigit()]
    scores = ours("ofac", [f"{row[0]}\t{row[1]}" for row in rows])
    gaps = [abs(int(got[0]) - int(row[2])) for got, row in zip(scores, rows)]
    within = sum(gap <= 5 for gap in gaps)
    print(f"OFAC's own search: within 5 points on {within} of {len(rows)} ({within / len(rows):.1%})")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("data", type=pathlib.Path)
    options.add_argument("--peers", action="store_true")
    options.add_argument("--part", default="test", choices=["dev", "test", "all"])
    options.add_argument("--errors", action="store_true")
    options.add_argument("--scale", type=int, help="so many names, 2000000 for instance")
    options = options.parse_args()
    rows = pairs(options.data)
    rows = {"dev": rows[0::2], "test": rows[1::2], "all": rows}[options.part]
    lines = [f"{row['schema']}\t{clean(row['name1'])}\t{clean(row['name2'])}" for row in rows]
    print(f"pairs: {len(rows)} ({options.part})")
    scores = [float(row[0]) for row in ours("pairs", lines)]
    report("ours", scores, rows)
    print(f"    {float(ours('time-pairs', lines)[0][0]) / 1000:.1f} us a pair")
    if options.errors:
        if options.part != "dev":
            sys.exit("errors are looked at in the dev part only")
        at = best_f1(scores, [row["is_match"] == "true" for row in rows])[3]
        for score, row in zip(scores, rows):
            if (score >= at) != (row["is_match"] == "true"):
                print(f"    {score:.3f} {row['is_match']:<5} {row['schema'][:6]} {row['name1']} | {row['name2']}")
    if options.peers:
        for name, scores, seconds in peers_of(rows):
            report(name, scores, rows)
            print(f"    {seconds * 1e6:.1f} us a pair")
    parity(options.data)
    folder = HERE / "../../target/bench-screening"
    folder.mkdir(parents=True, exist_ok=True)
    if options.part != "dev":
        lists(options.data, folder)
    if options.scale:
        scale(options.data, folder, options.scale)


if __name__ == "__main__":
    main()

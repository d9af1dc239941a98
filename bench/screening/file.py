#!/usr/bin/env python3
"""A file of payments: ours beside lxml and pyiso20022, on the same 100,000 transactions.

    bench/screening/file.py DATA [--transactions 100000] [--runs 3] [--typed 2000]

Makes a pacs.008 of about 115 MB with a seed, from the names in DATA, and has each read it in a process of its own:
wall time, processor time, and the most memory it held, the least of several runs. Ours screens; the others only read,
which is the least they could do: lxml walks it element by element for the creditors' names, and builds the whole
tree; pyiso20022 makes typed objects of part of it (`--typed` transactions), and its figure is scaled.
"""
import argparse, csv, gzip, os, pathlib, random, resource, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE / "../.."
FOLDER = ROOT / "target/bench-screening"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"


def names(data):
    found = []
    for which in ("us", "global"):
        with gzip.open(data / f"names/yente_negatives_{which}.csv.gz", "rt", encoding="utf8") as file:
            rows = list(csv.reader(file))
        at = next((n for n, cell in enumerate(rows[0]) if "name" in cell.lower()), 0)
        found += [" ".join(row[at].split()) for row in rows[1:] if row[at].strip()]
    with open(data / "names/app_gate_seed_cases.csv", encoding="utf8") as file:
        apps = [row["text"] for row in csv.DictReader(file) if row.get("text")]
    return found, apps


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def address(chance, country):
    street = chance.choice(("Main Street", "Rue de la Paix", "Harbour Road", "Market Square", "Orchard Avenue"))
    return (
        f"<PstlAdr><StrtNm>{street}</StrtNm><BldgNb>{chance.randrange(1, 400)}</BldgNb>"
        f"<PstCd>{chance.randrange(10000, 99999)}</PstCd><TwnNm>Springfield</TwnNm><Ctry>{country}</Ctry></PstlAdr>"
    )


def make(data, path, count):
    people, apps = names(data)
    chance = random.Random(20200920)
    total = 0
    with open(path, "w", encoding="utf8") as out:
        amounts = [chance.randrange(100, 9_999_999) for _ in range(count)]
        total = sum(amounts)
        out.write(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><FIToFICstmrCdtTrf><GrpHdr><MsgId>BENCH-1</MsgId>'
            f"<CreDtTm>2020-09-25T08:00:00+00:00</CreDtTm><NbOfTxs>{count}</NbOfTxs>"
            f'<TtlIntrBkSttlmAmt Ccy="USD">{total / 100:.2f}</TtlIntrBkSttlmAmt><IntrBkSttlmDt>2020-09-25</IntrBkSttlmDt>'
            "<SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Cd>FDW</Cd></ClrSys></SttlmInf>"
            "<InstgAgt><FinInstnId><BICFI>CHASUS33XXX</BICFI></FinInstnId></InstgAgt>"
            "<InstdAgt><FinInstnId><BICFI>CITIUS33XXX</BICFI></FinInstnId></InstdAgt></GrpHdr>\n"
        )
        for n, amount in enumerate(amounts):
            payer, payee = chance.choice(people), chance.choice(people)
            if n % 650 == 0:
                payee = chance.choice(apps)
            there = chance.choice(("US", "US", "US", "PR", "CN", "DE", "GB"))
            out.write(
                f"<CdtTrfTxInf><PmtId><InstrId>I{n:09}</InstrId><EndToEndId>E2E-{n:09}</EndToEndId><TxId>T{n:09}</TxId>"
                f"<UETR>{chance.getrandbits(32):08x}-0000-4000-8000-{n:012x}</UETR></PmtId>"
                "<PmtTpInf><SvcLvl><Cd>G001</Cd></SvcLvl><CtgyPurp><Cd>CASH</Cd></CtgyPurp></PmtTpInf>"
                f'<IntrBkSttlmAmt Ccy="USD">{amount / 100:.2f}</IntrBkSttlmAmt><ChrgBr>SHAR</ChrgBr>'
                f"<Dbtr><Nm>{escaped(payer[:140])}</Nm>{address(chance, 'US')}</Dbtr>"
                f"<DbtrAcct><Id><Othr><Id>{chance.randrange(10**11, 10**12)}</Id></Othr></Id></DbtrAcct>"
                "<DbtrAgt><FinInstnId><BICFI>CHASUS33XXX</BICFI></FinInstnId></DbtrAgt>"
                "<CdtrAgt><FinInstnId><BICFI>CITIUS33XXX</BICFI></FinInstnId></CdtrAgt>"
                f"<Cdtr><Nm>{escaped(payee[:140])}</Nm>{address(chance, there)}</Cdtr>"
                f"<CdtrAcct><Id><Othr><Id>{chance.randrange(10**11, 10**12)}</Id></Othr></Id></CdtrAcct>"
                f"<Purp><Cd>GDDS</Cd></Purp><RmtInf><Ustrd>Invoice {n} of {chance.randrange(1, 28)} September, delivered in full to the warehouse in Springfield, order and note of delivery enclosed; thank you</Ustrd></RmtInf>"
                "</CdtTrfTxInf>\n"
            )
        out.write("</FIToFICstmrCdtTrf></Document>\n")


PEERS = {
    "lxml iterparse, creditors' names": """
import sys
from lxml import etree
count = 0
for _, element in etree.iterparse(sys.argv[1], tag="{%s}CdtTrfTxInf"):
    element.findtext("{%s}Cdtr/{%s}Nm")
    count += 1
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
print(count)
""".replace("%s", NAMESPACE),
    "lxml, whole tree": """
import sys
from lxml import etree
print(len(etree.parse(sys.argv[1], etree.XMLParser(huge_tree=True)).getroot()[0]))
""",
}

TYPED = """
import sys
from xsdata.formats.dataclass.parsers import XmlParser
from pyiso20022.pacs.pacs_008_001_08 import Document
document = XmlParser().parse(sys.argv[1], Document)
print(len(document.fito_ficstmr_cdt_trf.cdt_trf_tx_inf))
"""


def measured(command, runs, codes=(0,)):
    """The least wall and processor time of several runs, and the least of their peaks of memory."""
    best = None
    for _ in range(runs):
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        error = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in codes:
            return None, error.decode(errors="replace").strip().splitlines()[-1:]
        now = (wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        best = now if best is None else tuple(map(min, best, now))
    return best, None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("data", type=pathlib.Path)
    options.add_argument("--transactions", type=int, default=100_000)
    options.add_argument("--typed", type=int, default=2_000)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/interdict")
    options = options.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path, part = FOLDER / "pacs.008.xml", FOLDER / "pacs.008-part.xml"
    for made, count in ((path, options.transactions), (part, options.typed)):
        # In a process of its own: what this one held before it starts another counts as the other's.
        maker = os.fork()
        if maker == 0:
            make(options.data, made, count)
            os._exit(0)
        if os.waitpid(maker, 0)[1] != 0:
            sys.exit(f"cannot make {made}")
    megabytes = path.stat().st_size / 1e6
    print(f"{options.transactions} transactions, {megabytes:.0f} MB; least of {options.runs} runs")
    print(f"  {'':<44}{'wall s':>8}{'cpu s':>8}{'MB':>8}{'wall':>9}{'memory':>9}")
    ours = None
    passes = (0, 1, 3, 4)
    rows = [("interdict pay screen, everything", [options.program, "pay", "screen", path], passes, 1)]
    rows.append(("the same, a line of JSON for each", [options.program, "pay", "screen", "--json", path], passes, 1))
    rows.append(("JSON, and known again by their ids", [options.program, "pay", "screen", "--json", "--replays", FOLDER / "screened", path], passes, 1))
    rows += [(name, [sys.executable, "-c", code, path], (0,), 1) for name, code in PEERS.items()]
    rows.append((f"pyiso20022, typed ({options.typed}, scaled)", [sys.executable, "-c", TYPED, part], (0,), options.transactions / options.typed))
    for name, command, codes, scale in rows:
        if "--replays" in command:
            (FOLDER / "screened").unlink(missing_ok=True)
        figures, error = measured(command, 1 if "--replays" in command else options.runs, codes)
        if figures is None:
            print(f"  {name:<44}not run: {error}")
            continue
        wall, cpu, memory = figures[0] * scale, figures[1] * scale, figures[2]
        ours = ours or (wall, memory)
        print(f"  {name:<44}{wall:>8.2f}{cpu:>8.2f}{memory:>8.0f}{wall / ours[0]:>8.1f}x{memory / ours[1]:>8.1f}x")


if __name__ == "__main__":
    main()

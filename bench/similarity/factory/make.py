#!/usr/bin/env python3
"""Makes the files the evaluation scores on, in the folder named as the first argument (default target/similarity).

Libraries come from Maven, shrinkers from Maven and PyPI; R8 and ProGuard write which name became which, so the
truth is known for every method. What exists already is not made again: stop it and start it anew as you like.
Needs: java 17, mvn, pip, unzip.
"""
import pathlib
import random
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
FRESH_SEED = 11
HOST_KEPT = 0.3
# Share of a library's top-level classes that stay reachable.
KEPT = {"r8f30": 0.3, "r8f10": 0.1, "r8f3": 0.03}
# The same with a chance of their own, so that they change no other row.
KEPT_BESIDE = {"r8f50": 0.5, "r8f1": 0.01}
# What a hostile protector does, all of it and each part alone.
HOSTILE = {"hostile": "strings+junk+flow", "strings": "strings", "junk": "junk", "flow": "flow"}
QUIET = "-ignorewarnings\n-dontwarn **\n-dontnote **\n"


def run(*words, **more):
    subprocess.run([str(word) for word in words], check=True, **more)


def libraries():
    lines = (HERE / "libraries.txt").read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith(("#", "shared"))]


def name(coordinates):
    return coordinates.split(":")[1]


def fetch(work):
    tools = work / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    if not all(list(tools.glob(f"{n}-*.jar")) for n in ("proguard-base", "asm-analysis", "ecj")):
        run("mvn", "-q", "-B", "-f", HERE / "tools.pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={tools}")
    if not list(tools.glob("r8-*.jar")):
        run("pip", "download", "-q", "--no-deps", "-d", work / "wheel", "mobsf==3.9.7")
        wheel = next((work / "wheel").glob("mobsf*.whl"))
        run("unzip", "-q", "-o", "-j", wheel, "*/jadx/lib/r8-*.jar", "*/jadx/lib/dalvik-dx*.jar", "-d", tools)
        wheel.unlink()
    raw = work / "raw"
    missing = [c for _, c in libraries() if not (raw / f"{name(c)}.jar").exists()]
    copy(work, missing, raw)
    sources = work / "sources"
    if not sources.exists():
        copy(work, [c for role, c in libraries() if role in ("target", "fresh")], sources,
             "-Dclassifier=sources", "-Dmdep.failOnMissingClassifierArtifact=false")
    platform = work / "tools" / "platform.jar"
    if not platform.exists():
        modules = work / "modules"
        home = pathlib.Path(subprocess.check_output(["java", "-XshowSettings:properties", "-version"], stderr=subprocess.STDOUT, text=True)
                            .split("java.home = ")[1].splitlines()[0])
        with zipfile.ZipFile(platform, "w", zipfile.ZIP_STORED) as jar:
            for module in ("java.base", "java.desktop", "java.logging", "java.xml", "java.sql"):
                run("jmod", "extract", "--dir", modules / module, home / "jmods" / f"{module}.jmod")
                classes = modules / module / "classes"
                for path in sorted(classes.rglob("*.class")):
                    inside = path.relative_to(classes).as_posix()
                    # Records of the platform's own insides stop R8 3.3.
                    if inside.startswith(("java/", "javax/", "org/w3c/", "org/xml/")):
                        jar.write(path, inside)


def copy(work, wanted, folder, *more):
    """Fetches libraries without what they depend on."""
    if not wanted:
        return
    entries = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
        "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>".format(*c.split(":"))
        for c in wanted)
    pom = work / "libraries.pom.xml"
    pom.write_text('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>'
                   f"<artifactId>libraries</artifactId><version>0</version><packaging>pom</packaging><dependencies>{entries}</dependencies></project>")
    run("mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-Dmdep.stripVersion=true", *more)


def clean(source, target):
    """Copies the classes alone; gives their names."""
    names = []
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            if entry.endswith(".class") and not entry.startswith("META-INF") and not entry.endswith(("module-info.class", "package-info.class")):
                new.writestr(entry, old.read(entry))
                names.append(entry[:-6])
    return names


def keeps(names, share, chance):
    tops = sorted(n for n in names if "$" not in n)
    some = chance.sample(tops, max(1, round(len(tops) * share)))
    return "".join(f"-keep,allowobfuscation class {n.replace('/', '.')} {{ public *; }}\n" for n in some)


def jobs(work):
    for folder in ("jars", "refs", "made", "maps", "rules"):
        (work / folder).mkdir(exist_ok=True)
    names = {}
    references = []
    for _, coordinates in libraries():
        n = name(coordinates)
        jar = work / "raw" / f"{n}.jar"
        if not jar.exists():
            print(f"not fetched: {coordinates}", file=sys.stderr)
            continue
        names[n] = clean(jar, work / "jars" / f"{n}.jar")
        references.append(f"d8|{work}/refs/{n}.dex|{work}/jars/{n}.jar")
    hosts = [name(c) for role, c in libraries() if role == "host" and name(c) in names]
    made = []
    # Each half by a chance of its own: what is added to one changes nothing in the other.
    for wanted, seed in (("target", SEED), ("fresh", FRESH_SEED)):
        chance = random.Random(seed)
        made += transformed(work, [name(c) for role, c in libraries() if role == wanted and name(c) in names], hosts, names, chance)
    return references + made


def transformed(work, targets, hosts, names, chance):
    """Every target under every transformation, as jobs."""
    platform = work / "tools" / "platform.jar"
    rows = {row: [] for row in ("r8f30", "pgobf", "r8obf", "r8f10", "pgopt", "pgshrink", "r8f3", "dx", "d8old", "ecj", *KEPT_BESIDE, "hostile30", *HOSTILE)}
    rewritten = []
    for n in targets:
        host, jar = chance.choice(hosts), work / "jars" / f"{n}.jar"

        def merged(row, library, how):
            made, rules = f"{n}+{host}@{row}", work / "rules" / f"{n}@{row}.pro"
            rules.write_text(f"{how}-repackageclasses 'x'\n-printmapping {work}/maps/{made}.map\n{QUIET}")
            rows[row].append(f"r8|{work}/made/{made}.dex|--lib|{platform}|--pg-conf|{rules}|{library}|{work}/jars/{host}.jar")

        for row, share in KEPT.items():
            kept = keeps(names[n], share, chance) + keeps(names[host], HOST_KEPT, chance)
            merged(row, jar, f"{kept}-allowaccessmodification\n")
            if row == "r8f30":
                merged("hostile30", work / "rules" / f"{n}@hostile.jar", f"{kept}-allowaccessmodification\n")
        for row, share in KEPT_BESIDE.items():
            own = random.Random(f"{n}@{row}")
            merged(row, jar, f"{keeps(names[n], share, own)}{keeps(names[host], HOST_KEPT, own)}-allowaccessmodification\n")
        for row, what in HOSTILE.items():
            hostile = work / "rules" / f"{n}@{row}.jar"
            rewritten.append(f"hostile|{hostile}|{jar}|{what}")
            merged(row, hostile, "-dontshrink\n-dontoptimize\n")
        made, rules = f"{n}@r8obf", work / "rules" / f"{n}@r8obf.pro"
        rules.write_text(f"-dontshrink\n-dontoptimize\n-repackageclasses 'x'\n-printmapping {work}/maps/{made}.map\n{QUIET}")
        rows["r8obf"].append(f"r8|{work}/made/{made}.dex|--lib|{platform}|--pg-conf|{rules}|{jar}")
        for row, how, kept in (("pgobf", "-dontshrink\n-dontoptimize\n", ""),
                               ("pgopt", "-optimizationpasses 3\n-allowaccessmodification\n-mergeinterfacesaggressively\n", keeps(names[n], 0.3, chance)),
                               ("pgshrink", "-dontoptimize\n", keeps(names[n], 0.3, random.Random(f"{n}@pgshrink")))):
            made, rules, out = f"{n}@{row}", work / "rules" / f"{n}@{row}.pro", work / "rules" / f"{n}@{row}.jar"
            rules.write_text(f"-injars {jar}\n-outjars {out}\n-libraryjars {platform}\n{how}-repackageclasses 'a'\n-overloadaggressively\n"
                             f"-printmapping {work}/maps/{made}.map\n{QUIET}{kept}")
            rows[row].append(f"proguard|{work}/made/{made}.dex|{rules}|{out}")
        rows["dx"].append(f"dx|{work}/made/{n}@dx.dex|{jar}")
        rows["d8old"].append(f"d8old|{work}/made/{n}@d8old.dex|{jar}")
        sources = work / "sources" / f"{n}-sources.jar"
        if sources.exists():
            rows["ecj"].append(f"ecj|{work}/made/{n}@ecj.dex|{sources}|{work}/rules/{n}@ecj.jar|{work}/raw")
    # Some of every kind early: whatever time there was, what was made is balanced.
    return rewritten + [rows[row][k] for k in range(len(targets)) for row in rows if k < len(rows[row])]


def versions(work):
    """Every version of some libraries, as it is and under R8, as jobs."""
    lines = [line.split(":") for line in (HERE / "versions.txt").read_text().splitlines() if line and not line.startswith("#")]
    for folder in ("raw", "jars", "refs", "made", "rules"):
        (work / "versions" / folder).mkdir(parents=True, exist_ok=True)
    raw = work / "versions" / "raw"
    missing = [line for line in lines if not (raw / f"{line[1]}-{line[2]}.jar").exists()]
    if missing:
        items = "".join("<artifactItem><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></artifactItem>".format(*line)
                        for line in missing)
        pom = work / "versions.pom.xml"
        pom.write_text('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>'
                       "<artifactId>versions</artifactId><version>0</version><packaging>pom</packaging><build><plugins><plugin>"
                       f"<artifactId>maven-dependency-plugin</artifactId><configuration><artifactItems>{items}</artifactItems>"
                       "</configuration></plugin></plugins></build></project>")
        run("mvn", "-q", "-B", "-f", pom, "dependency:copy", f"-DoutputDirectory={raw}")
    made, folder, platform = [], work / "versions", work / "tools" / "platform.jar"
    chance = random.Random(SEED)
    for _, artifact, version in lines:
        n = f"{artifact}-{version}"
        jar = folder / "jars" / f"{n}.jar"
        names = clean(raw / f"{n}.jar", jar)
        made.append(f"d8|{folder}/refs/{n}.dex|{jar}")
        rows = {"r8obf": "-dontshrink\n-dontoptimize\n", "r8full": keeps(names, 1, chance),
                "r8f30": keeps(names, 0.3, chance), "r8f10": keeps(names, 0.1, chance)}
        for row, how in rows.items():
            rules = folder / "rules" / f"{n}@{row}.pro"
            rules.write_text(f"{how}-allowaccessmodification\n-repackageclasses 'x'\n{QUIET}")
            made.append(f"r8|{folder}/made/{n}@{row}.dex|--lib|{platform}|--pg-conf|{rules}|{jar}")
    return made


def main():
    work = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/similarity").resolve()
    fetch(work)
    (work / "jobs.txt").write_text("\n".join(jobs(work) + versions(work)) + "\n")
    classes = ":".join(str(p) for p in sorted((work / "tools").glob("*.jar")) if p.name != "platform.jar")
    run("javac", "-cp", classes, "-d", work / "tools", *sorted(HERE.glob("*.java")))
    run("java", "-Xmx4g", "-cp", f"{classes}:{work / 'tools'}", "Jobs", work / "jobs.txt")


main()

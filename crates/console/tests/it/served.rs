//! The console on a loopback port, with the shipped orders or a few hostile ones, and a plain HTTP client.

use console::Console;
use console::conditions::{Act, Condition, Missing, Said, Taken};
use docket::Docket;
use docket::docket::Source;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// 20 September 2026, noon UTC: the pages say the same on every run.
fn now() -> law::Time {
    docket::moment::parse_rfc3339("2026-09-20T12:00:00Z").expect("a well-formed instant")
}

static SHIPPED: LazyLock<SocketAddr> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Vec::new();
    for folder in ["orders", "subjects"] {
        read(&root, &root.join(folder), &mut sources);
    }
    serve(sources)
});

/// Where the console serves the shipped orders.
pub(crate) fn shipped() -> SocketAddr {
    *SHIPPED
}

fn read(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|kind| ["order", "subject", "cases"].iter().any(|known| kind == *known))
        {
            let text = std::fs::read_to_string(&path).expect("text");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            sources.push(Source { path, text });
        }
    }
}

/// A condition of which something is missing, something lapses, and something was done.
fn condition() -> Condition {
    let text = String::from;
    Condition {
        id: text("mitigation"),
        order: text("us-doc-wechat-id"),
        until: None,
        takes: vec![Taken {
            requirement: text("code-reviewed"),
            asks: text("source-review about what is distributed; lines >= 1.0"),
            by: text("inspectors (a, b)"),
        }],
        unknown: vec![text("justice")],
        needs_artefact: true,
        holds: vec![text("data-secured")],
        missing: vec![Missing {
            requirement: text("code-reviewed"),
            why: text("nobody has said so <yet>; entry 7 is about `another`"),
            by: text("inspectors (a, b)"),
        }],
        lapses: vec![(text("data-secured"), now() + 3 * 86_400)],
        acts: vec![Act {
            entry: 8,
            verb: text("delay"),
            from: now(),
            until: Some(now() + 86_400),
            is_conditional: true,
        }],
        authority: text("commerce"),
        on_lapse: text("a lapse alarms and ends no lift; only the authority does"),
        counts: true,
        instruments: text("ndcal-uswua-"),
        said: vec![Said {
            entry: 7,
            kind: text("audit-report"),
            about: vec![text("system:wechat-us")],
            signed_by: vec![text("first-auditors"), text("<second>")],
            taken_up: now() - 86_400,
            sha256: "0f".repeat(32),
            says: Some(text("{ \"opinion\": \"unqualified\" }")),
            rests: true,
        }],
        ..Condition::default()
    }
}

/// Serves these sources until the process ends.
pub(crate) fn serve(sources: Vec<Source>) -> SocketAddr {
    let docket = Arc::new(Docket::load(sources.clone()).unwrap_or_else(|faults| {
        panic!("{}", docket::fault::report(&faults, &sources, false));
    }));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("bound");
    listener.set_nonblocking(true).expect("a socket that tokio can drive");
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let conditions: console::Conditions =
                Arc::new(|_now| Ok(console::conditions::Standing { is_attested: true, conditions: vec![condition()] }));
            let decisions = crate::receipts::decisions();
            let console = Console { docket: Arc::new(move || Arc::clone(&docket)), now, conditions, decisions };
            axum::serve(listener, console::router(console)).await.expect("serving");
        });
    });
    address
}

/// Status, head and body of a page.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).expect("the console listens");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.get(9..12).and_then(|code| code.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// A page of every kind, with words it must show.
pub(crate) const PAGES: &[(&str, &[&str])] = &[
    ("/conditions", &["Conditions", "mitigation", "not met", "1 of 2 requirements hold"]),
    (
        "/conditions/us-doc-wechat-id/mitigation",
        &[
            "code-reviewed",
            "nobody has said so",
            "inspectors (a, b)",
            "lapses",
            "in 3 days",
            "commerce",
            "delay",
            "source-review about what is distributed",
            "Nobody has said what is distributed",
            "does not say who this is: justice",
            "as it stands 2026-09-20 12:00 UTC",
            "What the authority did while it was met still counts: a lapse alarms and ends no lift; only the authority does.",
            "<a class=\"mono\" href=\"/orders/ndcal-uswua-pi\">",
            "<a href=\"#entry-7\">entry 7</a> is about <code>another</code>",
            "<tr id=\"entry-7\">",
            "first-auditors, &lt;second&gt;",
            "the condition rests on it",
        ],
    ),
    ("/", &["In force now", "What changes next", "Restricted today", "What changed last"]),
    ("/timeline", &["Timeline", "not enforced", "The same as a table", "in US"]),
    ("/timeline?app=wechat&known=2020-09-18", &["As known at 2020-09-18T23:59:59Z"]),
    ("/ask", &["What is done", "Named by its"]),
    (
        "/ask?act=app.distribute&type=android-package&id=com.tencent.mm&place=US-NY&at=2020-09-21T12:00:00-04:00",
        &["permit", "stayed", "2021-06-09 14:23:36 UTC", "interdict decide", "ndcal-uswua-pi", "&quot;valid_at&quot;"],
    ),
    (
        "/decisions",
        &[
            "Decisions",
            "4711 decisions",
            "app.distribute, wechat, US",
            "erased",
            "forbid",
            "</strong>the signer is &lt;gone&gt;. 3 decisions are on record",
        ],
    ),
    (
        "/decisions/5",
        &[
            "Decision 5",
            "stayed",
            "us-doc-wechat-id",
            "named by its android-package",
            "interdict log verify 5.tlog-proof 5.entry --key",
            "What the receipt proves, and what it does not",
            "2021-06-09 14:23:36 UTC",
            "as they were committed to",
        ],
    ),
    ("/decisions/200", &["Not shown here", "--show-decisions"]),
    ("/decisions/201", &["was erased", "On the ground: asked for &lt;by&gt; them.", "entry 17 of the gov log"]),
    ("/decisions/203", &["Decided by hand: permit", "counsel", "does not count: it is not published yet"]),
    ("/orders", &["Orders", "us-pafaca"]),
    ("/orders/us-doc-wechat-id", &["What could lift it", "<a href=\"/conditions/us-doc-wechat-id/mitigation\">"]),
    ("/orders/ndcal-uswua-pi", &["It was made of signed statements", "/conditions/us-doc-wechat-id/mitigation"]),
    ("/orders/us-pafaca", &["2(a)(1)(A)", "qualified-divestiture", "What they were understood to say"]),
    ("/subjects", &["TikTok", "WeChat"]),
    ("/subjects/wechat", &["com.tencent.mm", "微信"]),
];

//! A load with a rate over HTTP/1.1: light enough to share a machine with what it measures.
//!
//!     load ADDRESS HOST CONNECTIONS SECONDS RATE [REQUEST]      RATE 0: as fast as answers come
//!
//! REQUEST is a file with the request to send instead of one for `/`, whole: HOST is not added to it.
//!
//! Prints the requests a second, then each latency in microseconds. A request that waited for the answer before it
//! counts from when it was due.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let file = if words.len() > 5 { words.pop() } else { None };
    let [address, host, connections, seconds, rate] = words.as_slice() else { panic!("five or six words: see the top of the source") };
    let request = file.map(|file| std::fs::read(file).expect("a request"));
    let request = request.unwrap_or_else(|| format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes());
    let number = |word: &String| word.parse::<f64>().expect("a number");
    let (connections, seconds, rate) = (number(connections) as u32, number(seconds), number(rate));
    let begin = Instant::now() + Duration::from_millis(100);
    let end = begin + Duration::from_secs_f64(seconds);
    let threads: Vec<_> = (0..connections)
        .map(|n| {
            let (address, request) = (address.clone(), request.clone());
            std::thread::spawn(move || one(&address, &request, begin, end, n, connections, rate))
        })
        .collect();
    let all: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().expect("a connection")).collect();
    let mut text = format!("{}\n", all.len() as f64 / seconds);
    for micros in &all {
        text.push_str(&format!("{micros}\n"));
    }
    std::io::stdout().write_all(text.as_bytes()).expect("somebody reads");
}

fn one(address: &str, request: &[u8], begin: Instant, end: Instant, n: u32, of: u32, rate: f64) -> Vec<u64> {
    let mut stream = connect(address);
    let step = if rate > 0.0 { Duration::from_secs_f64(f64::from(of) / rate) } else { Duration::ZERO };
    let mut due = begin + step * n / of;
    let mut answer = vec![0; 1 << 16];
    let mut latencies = Vec::new();
    let mut free = begin;
    while due < end {
        let now = Instant::now();
        if due > now {
            std::thread::sleep(due - now);
        }
        let from = if free > due { if step.is_zero() { free } else { due } } else { Instant::now() };
        // A proxy that reads its configuration again ends idle connections: clients ask anew.
        let answered = stream.write_all(request).is_ok().then(|| read(&mut stream, &mut answer)).flatten();
        free = Instant::now();
        if answered.is_some() {
            latencies.push((free - from).as_micros() as u64);
        }
        if answered != Some(false) {
            stream = connect(address);
        }
        due = if step.is_zero() { free } else { due + step };
    }
    latencies
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// Reads one answer whole, 200 or 451, with a length or in chunks. Whether it is the last on its connection; nothing if
/// that ended before.
fn read(stream: &mut TcpStream, answer: &mut [u8]) -> Option<bool> {
    let mut filled = 0;
    loop {
        match stream.read(&mut answer[filled..]) {
            Ok(more) if more > 0 => filled += more,
            ended => {
                assert!(filled == 0, "the connection ended in the middle: {ended:?}");
                return None;
            }
        }
        let text = &answer[..filled];
        let Some(head) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let words = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
        assert!(matches!(words.get(9..12), Some("200" | "451")), "{words}");
        let length = words.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let is_whole = match length {
            Some(length) => filled >= head + 4 + length,
            None => text.ends_with(b"0\r\n\r\n"),
        };
        if is_whole {
            return Some(words.contains("\nconnection: close"));
        }
    }
}

//! A service that answers every question of a proxy with yes, at once and without looking: what asking itself costs.
//!
//!     null ADDRESS
//!
//! Over HTTP/1.1 it says 200; over HTTP/2 it answers each call with an empty gRPC message and status 0, which Envoy
//! takes for a `CheckResponse` that permits.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const YES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length, type, flags and stream of a frame.
const FRAME_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

fn main() {
    let address = std::env::args().nth(1).expect("an address");
    for stream in TcpListener::bind(address).expect("a free address").incoming() {
        let stream = stream.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    let mut bytes = Vec::new();
    let mut part = [0; 1 << 14];
    while let Ok(more @ 1..) = stream.read(&mut part) {
        bytes.extend_from_slice(&part[..more]);
        if bytes.starts_with(PREFACE) {
            return grpc(stream, bytes.split_off(PREFACE.len()));
        }
        if bytes.starts_with(b"PRI") {
            continue;
        }
        // No question has a body here.
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            bytes.drain(..end + 4);
            if stream.write_all(YES).is_err() {
                return;
            }
        }
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, body: &[u8]) {
    out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(body);
}

/// A header field that no table is changed by (RFC 7541 § 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
}

fn grpc(mut stream: TcpStream, mut bytes: Vec<u8>) {
    let head = [&[0x88][..], &literal("content-type", "application/grpc")].concat();
    let status = literal("grpc-status", "0");
    let mut out = Vec::new();
    frame(&mut out, SETTINGS, 0, 0, &[]);
    let mut part = [0; 1 << 14];
    loop {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= FRAME_BYTES) {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            if rest.len() < FRAME_BYTES + length {
                break;
            }
            let (kind, flags) = (rest[3], rest[4]);
            let id = u32::from_be_bytes([rest[5], rest[6], rest[7], rest[8]]);
            match kind {
                SETTINGS if flags & 1 == 0 => frame(&mut out, SETTINGS, 1, 0, &[]),
                PING if flags & 1 == 0 => frame(&mut out, PING, 1, 0, &rest[FRAME_BYTES..FRAME_BYTES + length]),
                DATA | HEADERS if flags & 1 == 1 => {
                    frame(&mut out, HEADERS, 4, id, &head);
                    frame(&mut out, DATA, 0, id, &[0; 5]);
                    frame(&mut out, HEADERS, 5, id, &status);
                }
                _ => {}
            }
            if kind == DATA && length > 0 {
                // What was read may be sent again.
                frame(&mut out, WINDOW_UPDATE, 0, 0, &(length as u32).to_be_bytes());
            }
            at += FRAME_BYTES + length;
        }
        bytes.drain(..at);
        if stream.write_all(&out).is_err() {
            return;
        }
        out.clear();
        match stream.read(&mut part) {
            Ok(more @ 1..) => bytes.extend_from_slice(&part[..more]),
            _ => return,
        }
    }
}

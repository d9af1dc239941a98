//! Envelopes: what is signed, and what cannot be read twice.

use crate::world::{SOURCE, key, sign, spki};
use attest::Envelope;
use attest::dsse::{Key, Signature, pae};
use attest::json;
use attest::statement::{Statement, Type, compose, named_subject};
use serde_json::json as value;

#[test]
fn the_signed_bytes_are_those_of_the_specification() {
    assert_eq!(
        pae("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn one_key_counts_once_however_often_it_signs() {
    let statement = compose(Type::SourceReview, &[value!({ "digest": { "sha256": SOURCE } })], &value!({}));
    let mut envelope = sign(&statement, &["a", "a", "b"]);
    let keys = [key("a").key(), key("b").key(), key("c").key()];
    assert_eq!(envelope.signed_by(&keys), [&keys[0], &keys[1]]);
    // A hint that lies saves nothing and gains nothing.
    envelope.signatures = vec![Signature { keyid: Some(keys[2].id().into()), sig: envelope.signatures[0].sig.clone() }];
    assert_eq!(envelope.signed_by(&keys), Vec::<&Key>::new());
    envelope.signatures[0].keyid = None;
    assert_eq!(envelope.signed_by(&keys), [&keys[0]]);
    let round = Envelope::from_value(&envelope.to_value()).unwrap();
    assert_eq!(round.payload, envelope.payload);
    envelope.payload[3] ^= 1;
    assert_eq!(envelope.signed_by(&keys), Vec::<&Key>::new());
}

#[test]
fn every_changed_bit_of_a_signature_is_refused() {
    let statement = compose(Type::SourceReview, &[value!({ "digest": { "sha256": SOURCE } })], &value!({}));
    let p256 = attest::dsse::Signer::P256(Box::new(p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()));
    for signer in [key("a"), p256] {
        let mut envelope = sign(&statement, &[]);
        signer.sign(&mut envelope);
        let keys = [signer.key()];
        assert_eq!(envelope.signed_by(&keys).len(), 1);
        for bit in 0..envelope.signatures[0].sig.len() * 8 {
            let mut changed = envelope.clone();
            changed.signatures[0].sig[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(changed.signed_by(&keys).len(), 0, "bit {bit}");
        }
    }
}

#[test]
fn keys_that_anyone_can_sign_for_are_refused() {
    use base64ct::{Base64, Encoding};
    let mut der = Base64::decode_vec(&spki("a")).unwrap();
    let start = der.len() - 32;
    der[start..].fill(0);
    assert!(Key::from_spki(&der).is_err());
    der[start] = 1;
    assert!(Key::from_spki(&der).unwrap_err().contains("small order"));
}

#[test]
fn json_with_a_second_meaning_is_refused() {
    let deep = format!("{}{}", "[".repeat(json::DEPTH_MAX + 1), "]".repeat(json::DEPTH_MAX + 1));
    for text in [r#"{"a":1,"a":2}"#, r#"{"b":{"a":1,"\u0061":2}}"#, "{} x", "\u{feff}{}", "", "[1", &deep] {
        assert!(json::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(json::parse(&vec![b' '; json::DOCUMENT_BYTES_MAX + 1]).is_err());
    let deepest = format!("{}{}", "[".repeat(json::DEPTH_MAX), "]".repeat(json::DEPTH_MAX));
    assert!(json::parse(deepest.as_bytes()).is_ok());
    let envelope = |sig: &str| value!({ "payloadType": "t", "payload": "", "signatures": [{ "sig": sig }] });
    assert!(Envelope::from_value(&envelope("YQ==")).is_ok());
    assert!(Envelope::from_value(&envelope("YR==")).is_err(), "not canonical");
    assert!(Envelope::from_value(&value!({ "payloadType": "t", "payload": "", "signatures": [] })).is_err());
}

#[test]
fn an_instant_is_written_in_one_way() {
    let noon = json::parse_time("2020-09-18T12:00:00Z").unwrap();
    for same in ["2020-09-18T12:00:00.999Z", "2020-09-18T08:00:00-04:00", "2020-09-18T17:30:00+05:30"] {
        assert_eq!(json::parse_time(same), Some(noon), "{same}");
    }
    for other in [
        "2020-09-18 12:00:00Z",
        "2020-09-18t12:00:00z",
        "20200918T120000Z",
        "2020-09-18T12:00Z",
        "2020-09-18T12Z",
        "2020-09-18T12:00:00",
        "2020-09-18T12:00:00-04",
        "2020-09-18T12:00:00-0400",
        "2020-09-18T12:00:00-04:00[America/New_York]",
        "2020-09-18T12:00:00,5Z",
        "2020-09-18T12:00:00.Z",
        "2020-09-18T23:59:60Z",
        "+002020-09-18T12:00:00Z",
        "2020-09-18",
        " 2020-09-18T12:00:00Z",
        "",
    ] {
        assert_eq!(json::parse_time(other), None, "{other}");
    }
    let statement = value!({ "_type": "https://in-toto.io/Statement/v1", "subject": [named_subject("system:x")],
        "predicateType": Type::AccessLog.uri(),
        "predicate": { "timeCreated": "2020-10-01T00:00:00.5Z", "notBefore": "2020-10-01T00:00:00.5Z" } });
    let fault = Statement::parse(&serde_json::to_vec(&statement).unwrap()).unwrap_err();
    assert_eq!(fault.to_string(), "`/predicate/notBefore`: whole seconds are needed");
}

#[test]
fn statements_name_what_they_are_about() {
    let read = |subject: serde_json::Value, uri: &str, predicate: serde_json::Value| {
        let statement = value!({ "_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": uri, "predicate": predicate });
        Statement::parse(&serde_json::to_vec(&statement).unwrap())
    };
    let made = value!({ "timeCreated": "2020-10-01T00:00:00Z" });
    let uri = Type::AccessLog.uri();
    assert!(read(named_subject("system:x"), &uri, made.clone()).is_ok());
    assert!(read(value!({ "name": "system:x", "digest": { "sha256": SOURCE } }), &uri, made.clone()).is_err());
    assert!(read(value!({ "name": "app.apk", "digest": { "sha256": SOURCE } }), &uri, made.clone()).is_ok());
    assert!(read(value!({ "digest": { "md5": SOURCE } }), &uri, made.clone()).is_err());
    // Each digest has the digits of its kind, and none is passed over.
    let of =
        |digests: serde_json::Value| read(value!({ "digest": digests }), &uri, made.clone()).map(|said| said.subjects);
    let short = SOURCE.get(..40).unwrap();
    assert!(
        of(value!({ "sha256": SOURCE, "sha1": short, "md5": "x" }))
            .is_ok_and(|named| named[0].text().ends_with(SOURCE))
    );
    for wrong in [
        value!({ "sha256": short }),
        value!({ "sha1": SOURCE }),
        value!({ "sha256": SOURCE.to_uppercase() }),
        value!({ "sha256": 7, "sha1": short }),
        value!({ "sha256": SOURCE, "gitTree": "main" }),
        value!([SOURCE]),
    ] {
        assert!(of(wrong.clone()).is_err_and(|fault| fault.at.starts_with("/subject/0/digest")), "{wrong}");
    }
    // What is shown on a line cannot write another.
    for name in ["system:x\n  signed by president", "entity:\u{202e}x", "order:\u{1b}[2J"] {
        assert_eq!(read(named_subject(name), &uri, made.clone()).unwrap_err().at, "/subject/0/name");
    }
    let other = read(named_subject("system:x"), "https://slsa.dev/provenance/v0.2", made).unwrap_err().to_string();
    assert!(
        other.contains("`https://slsa.dev/provenance/v1`") && other.contains("one of build-reproduced, "),
        "{other}"
    );
    let unfinished = read(value!({ "digest": { "sha256": SOURCE } }), "https://slsa.dev/provenance/v1", value!({}));
    assert_eq!(unfinished.unwrap_err().at, "/predicate/runDetails/metadata/finishedOn");
    assert!(read(named_subject("system:x"), &uri, value!({})).is_err());
    let backwards = value!({ "timeCreated": "2020-10-01T00:00:00Z", "periodStart": "2020-10-01T00:00:00Z", "periodEnd": "2020-10-01T00:00:00Z" });
    assert!(read(named_subject("system:x"), &uri, backwards).is_err());
    let until = |end: &str| value!({ "timeCreated": "2020-10-01T00:00:00Z", "periodStart": "2020-09-01T00:00:00Z", "periodEnd": end });
    assert!(read(named_subject("system:x"), &uri, until("2020-10-01T00:00:00Z")).is_ok());
    let ahead = read(named_subject("system:x"), &uri, until("2020-10-01T00:00:01Z")).unwrap_err();
    assert_eq!(ahead.at, "/predicate/periodEnd", "what is to come cannot be reported on");
    let slsa = value!({ "runDetails": { "metadata": { "finishedOn": "2020-10-01T00:00:00Z" } } });
    assert!(read(value!({ "digest": { "sha256": SOURCE } }), "https://slsa.dev/provenance/v1", slsa).is_ok());
}

#[test]
fn what_would_be_taken_for_less_than_it_says_is_refused_at_the_door() {
    let why = |kind: Type, mut predicate: serde_json::Value| {
        predicate["timeCreated"] = value!("2020-10-01T00:00:00Z");
        let envelope = sign(&compose(kind, &[named_subject("order:o")], &predicate), &["a"]);
        attest::door::read(&envelope).map_or_else(|fault| fault.at, |_sound| String::from("sound"))
    };
    let revoked = |target: serde_json::Value| why(Type::Revocation, value!({ "targets": [target] }));
    assert_eq!(revoked(value!({ "sha256": SOURCE })), "sound");
    assert_eq!(revoked(value!({ "sha256": SOURCE.to_uppercase() })), "/predicate/targets/0/sha256");
    assert_eq!(revoked(value!({ "sha-256": SOURCE })), "/predicate/targets/0/principal");
    assert_eq!(revoked(value!({ "principal": "r1", "type": "rumour" })), "/predicate/targets/0/type");
    assert_eq!(revoked(value!({ "principal": "r1", "type": "act", "from": "soon" })), "/predicate/targets/0/from");
    assert_eq!(revoked(value!({ "principal": "r1", "type": "act", "form": "x" })), "/predicate/targets/0/form");
    assert_eq!(why(Type::Revocation, value!({ "target": [] })), "/predicate/targets");
    assert_eq!(why(Type::Revocation, value!({ "targets": [] })), "/predicate/targets");
    assert_eq!(why(Type::AdverseFinding, value!({})), "sound");
    assert_eq!(why(Type::AdverseFinding, value!({ "requirements": ["built"] })), "sound");
    assert_eq!(why(Type::AdverseFinding, value!({ "requirements": "built" })), "/predicate/requirements");
    assert_eq!(why(Type::AdverseFinding, value!({ "requirements": [] })), "/predicate/requirements");
    let never = value!({ "notBefore": "2020-10-02T00:00:00Z", "notAfter": "2020-10-02T00:00:00Z" });
    assert_eq!(why(Type::AuditReport, never), "/predicate/notAfter");
    assert_eq!(why(Type::Resolution, value!({ "finding": SOURCE })), "sound");
    assert_eq!(why(Type::Resolution, value!({ "finding": "that one" })), "/predicate/finding");
    assert_eq!(why(Type::Act, value!({ "act": "lift", "from": "2020-10-01T00:00:00Z" })), "sound");
    assert_eq!(why(Type::Act, value!({ "act": "lift", "from": "2020-10-01T00:00:00Z", "til": "x" })), "/predicate/til");
    assert_eq!(why(Type::Act, value!({ "act": "waive", "from": "2020-10-01T00:00:00Z" })), "/predicate/act");
    let two = [named_subject("system:x"), named_subject("order:o")];
    let lift = value!({ "act": "lift", "from": "2020-10-01T00:00:00Z", "timeCreated": "2020-10-01T00:00:00Z" });
    let fault = attest::door::read(&sign(&compose(Type::Act, &two, &lift), &["a"])).unwrap_err();
    assert_eq!(fault.at, "/subject", "what a log says of an act names one order");
    assert_eq!(why(Type::TrustDocument, value!({ "trust": { "version": 2 } })), "/principals");
    let mut envelope = sign(&compose(Type::AuditReport, &[named_subject("system:x")], &value!({})), &[]);
    envelope.payload_type = String::from("text/plain");
    assert_eq!(attest::door::read(&envelope).unwrap_err().at, "/payloadType");
}

#[test]
fn keys_of_logs_sign_statements_and_public_halves_read_back() {
    let secret = format!("PRIVATE+KEY+signer.example+01234567+{}", {
        use base64ct::{Base64, Encoding};
        Base64::encode_string(&[&[1_u8][..], &[7; 32]].concat())
    });
    let signer = attest::dsse::Signer::from_note(&format!("{secret}\n")).unwrap();
    assert_eq!(attest::dsse::Key::from_text(&signer.key().spki()).unwrap(), signer.key());
    let mut envelope = attest::Envelope::unsigned(b"{}".to_vec());
    signer.sign(&mut envelope);
    assert_eq!(envelope.signed_by(&[signer.key()]), [&signer.key()]);
    for wrong in ["", "PRIVATE+KEY+a+b", "PRIVATE+KEY+a+01234567+AQ==", "a+01234567+AQAA"] {
        assert!(attest::dsse::Signer::from_note(wrong).is_err(), "{wrong}");
    }
}

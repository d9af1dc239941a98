//! What a proof that was checked says to somebody who was sent it and knows nothing of logs: what it proves, and what it
//! does not.

use docket::moment::format_rfc3339;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use tlog::checkpoint::Checkpoint;
use tlog::note::{Note, VerifierKey};
use tlog::policy::Policy;
use tlog::proof::Proof;
use wire::entry::Entry;

/// A proof that holds.
pub(crate) struct Proven<'p> {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) proof: &'p Proof,
    pub(crate) entry: &'p [u8],
    pub(crate) policy: &'p Policy,
    /// The field that was shown with it, and what it says.
    pub(crate) shown: Option<(&'p str, &'p str)>,
}

/// What somebody committed to, as one line that moves no cursor: else it could write what looks like the rest of what is told.
fn in_one_line(value: &str) -> String {
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    value.chars().map(plain).collect()
}

/// Who of the witnesses of a policy signed a checkpoint, and when.
fn witnesses(policy: &Policy, note: &Note) -> Vec<(String, Option<String>)> {
    let keys: Vec<VerifierKey> = policy.witnesses().iter().map(|party| party.key.clone()).collect();
    let signed = note.verify(&keys).unwrap_or_default();
    let at = |seconds: u64| i64::try_from(seconds).ok().map(format_rfc3339);
    signed.iter().map(|signed| (signed.key.name().to_owned(), signed.time.and_then(at))).collect()
}

impl Proven<'_> {
    /// The same for programs.
    pub(crate) fn facts(&self) -> Value {
        let signed = witnesses(self.policy, &self.proof.checkpoint);
        let signed: Vec<Value> = signed.iter().map(|(name, at)| json!({ "name": name, "at": at })).collect();
        let mut facts = json!({
            "log": self.checkpoint.origin, "index": self.proof.index, "size": self.checkpoint.size,
            "entry": Entry::from_bytes(self.entry).map(|entry| entry.to_json()), "witnesses": signed,
        });
        if let (Some((field, value)), Some(members)) = (self.shown, facts.as_object_mut()) {
            members.extend([("field".to_owned(), json!(field)), ("value".to_owned(), json!(value))]);
        }
        facts
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        let (origin, size, index) = (&self.checkpoint.origin, self.checkpoint.size, self.proof.index);
        let mut text = String::new();
        if let Some((field, value)) = self.shown {
            writeln!(text, "{field}: {}", in_one_line(value)).unwrap_or_default();
        }
        writeln!(text, "in {origin} at index {index}, of {size} entries").unwrap_or_default();
        let signed = witnesses(self.policy, &self.proof.checkpoint);
        for (what, lines) in [("this proves", self.proves(&signed)), ("it does not prove", self.leaves_open(&signed))] {
            writeln!(text, "{what}").unwrap_or_default();
            lines.iter().for_each(|line| writeln!(text, "  - {line}").unwrap_or_default());
        }
        text
    }

    fn proves(&self, signed: &[(String, Option<String>)]) -> Vec<String> {
        let mut lines = vec![String::from(
            "that whoever holds the log's key signed a log that has this very entry there: it cannot be changed or taken out unnoticed",
        )];
        if let Some(Entry::Decision { at, gov_size, edition, .. }) = Entry::from_bytes(self.entry) {
            let edition: String = edition.iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push(format!(
                "that the entry is a decision, which its keeper says was made {}, under edition sha256:{edition} of the law and the first {gov_size} entries of the log of rules",
                format_rfc3339(at)
            ));
        }
        if let Some((field, _)) = self.shown {
            lines.push(format!("that `{field}` is what was committed to when the entry was written"));
        }
        for (name, at) in signed {
            let at = at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            lines.push(format!(
                "that the witness {name} saw this state of the log{at}, and no other history of it before"
            ));
        }
        lines
    }

    fn leaves_open(&self, signed: &[(String, Option<String>)]) -> Vec<String> {
        let mut lines = Vec::new();
        if Entry::from_bytes(self.entry).and_then(|entry| entry.commitment()).is_some() {
            lines.push(String::from(match self.shown {
                None => "what was decided and about what: the entry only commits to that; its keeper shows one field at a time (`interdict log disclose`)",
                Some(_) => "what any other field of the decision says",
            }));
            lines.push(String::from(
                "that the law was applied rightly: its keeper writes out the law of that edition (`interdict log law`), and `interdict decide --corpus` answers by it",
            ));
        }
        if signed.is_empty() {
            lines.push(String::from(
                "that the log shows everybody the same, or when it was signed: no witness is asked here; --policy names those that are",
            ));
        }
        lines.push(String::from(
            "whose key that is: compare it with one that you have by another way than the proof came",
        ));
        lines
    }
}

/// What a proof claims, where nobody is named whom to believe.
pub(crate) fn claimed(path: &Path, bytes: &[u8]) -> String {
    let text = |value: &Value| value.get("proof").and_then(Value::as_str).map(str::to_owned);
    let inner = serde_json::from_slice::<Value>(bytes).ok().and_then(|value| text(&value));
    let proof = Proof::parse(inner.as_deref().map_or(bytes, str::as_bytes)).ok();
    let claim = proof.and_then(|proof| {
        let Checkpoint { origin, size, .. } = Checkpoint::parse(&proof.checkpoint.text).ok()?;
        let index = proof.index;
        Some(format!(
            "{}: says that it is of entry {index} of {origin}, of {size} entries; nothing of that is checked\n",
            path.display()
        ))
    });
    let ask = "say whom to believe: --key VKEY or --policy FILE, the public key of that log or a policy with it and its witnesses, from whoever keeps it and by another way than the proof came";
    format!("{}{ask}", claim.unwrap_or_default())
}

/// What a proof that does not hold means to whoever was sent it, after why it does not.
pub(crate) fn unproven(proof: &Proof, policy: &Policy, code: u8) -> String {
    let origin = Checkpoint::parse(&proof.checkpoint.text).map(|checkpoint| checkpoint.origin).unwrap_or_default();
    let known: Vec<&str> = policy.logs().iter().map(|party| party.key.name()).collect();
    match code {
        3 if !known.contains(&origin.as_str()) => {
            format!("\nit is of the log {origin}, and the key that was named is of {}", known.join(", "))
        }
        3 => String::from("\nthe proof was changed, or the key that was named is not the log's"),
        5 => format!(
            "\nthis entry is not entry {} of {origin}: it or the proof was changed, or the two do not belong together",
            proof.index
        ),
        7 => {
            String::from("\nthe log signed it; who else must have seen it, has not, or not yet: ask for a newer proof")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_one_line;

    #[test]
    fn what_is_shown_writes_no_lines_of_its_own() {
        let value = "{\"a\":\"ü\"}";
        assert_eq!(in_one_line(value), value);
        assert_eq!(in_one_line("x\nin log.example at index 3\u{1b}[2J"), r"x\nin log.example at index 3\u{1b}[2J");
    }
}

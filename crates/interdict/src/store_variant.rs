//! Variants of a store's index, kept: made again when the law or the index changes, and ahead of the hour at which a known
//! change takes effect; signed with the operator's key by the tools that sign the index itself, and dropped, with a word
//! about it, when they cannot be made.
//!
//! The key never enters this process: `jarsigner` reads the keystore, and takes its password from a file or from a variable
//! of the environment. Nothing is signed that the repository had not signed with the same key.

use crate::clock;
use crate::settings::Settings;
use docket::Docket;
use docket::moment::format_rfc3339;
use gate::live::Live;
use gate::store::Store;
use gate::store::variant::originals::{Originals, Unread};
use gate::store::variant::{Dated, Plan, Publication, Signed, Strength, jar};
use law::Time;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How often the hour and the law are looked at; a look is two comparisons.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many looks until the repository is asked whether it published anything: some seconds.
const LOOKS_UNTIL_FETCH: u32 = 25;
/// How many looks until making variants is tried again after it failed: a minute, since each try starts several programs.
const LOOKS_UNTIL_RETRY: u32 = 300;
/// Seconds before a known instant at which its variants are made: an index of a hundred megabytes takes less, in as many
/// variants as there may be.
const AHEAD_SECONDS: Time = 120;
/// What a signer says when it fails is a few lines.
const SAID_CHARS_MAX: usize = 600;

/// What lets Java read the SHA-1 of the old formats, as it did when they were made; only to verify them.
const OLD_ALGORITHMS: &str = "jdk.jar.disabledAlgorithms=MD2, RSA keySize < 1024\n";

/// `[store.variants]`: the key of the index, for a store that owns it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// The keystore the repository's index is signed with.
    keystore: PathBuf,
    /// The key's name in it.
    alias: String,
    /// A file that holds the keystore's password.
    password_file: Option<PathBuf>,
    /// The environment variable that holds it.
    password_env: Option<String>,
    /// The same for the key's own password, where it has one.
    key_password_file: Option<PathBuf>,
    /// As above.
    key_password_env: Option<String>,
    /// A folder for what is being signed, and for the date of what was published last.
    folder: PathBuf,
}

/// How to sign.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    keystore: PathBuf,
    alias: String,
    password: Password,
    key_password: Option<Password>,
    folder: PathBuf,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Password {
    File(PathBuf),
    Variable(String),
}

impl Password {
    /// As a pair of words for Java's tools.
    fn words(&self, option: &str) -> [String; 2] {
        match self {
            Self::File(path) => [format!("-{option}:file"), path.display().to_string()],
            Self::Variable(name) => [format!("-{option}:env"), name.clone()],
        }
    }
}

impl Section {
    /// In the signer's words.
    ///
    /// # Errors
    /// What is missing, or cannot be used.
    pub(crate) fn signer(&self, settings: &Settings) -> Result<Signer, String> {
        let one = |file: &Option<PathBuf>, variable: &Option<String>| match (file, variable) {
            (Some(path), None) => Ok(Some(Password::File(settings.path(path)))),
            (None, Some(name)) => Ok(Some(Password::Variable(name.clone()))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(String::from("[store.variants]: a password is in a file or in a variable, not in both"))
            }
        };
        let password = one(&self.password_file, &self.password_env)?;
        let password = password.ok_or("[store.variants]: write `password_file` or `password_env`")?;
        let signer = Signer {
            keystore: settings.path(&self.keystore),
            alias: self.alias.clone(),
            password,
            key_password: one(&self.key_password_file, &self.key_password_env)?,
            folder: settings.path(&self.folder),
        };
        let keystore = signer.keystore.display();
        std::fs::metadata(&signer.keystore).map_err(|error| format!("cannot read the keystore {keystore}: {error}"))?;
        let folder = signer.folder.display();
        std::fs::create_dir_all(&signer.folder).map_err(|error| format!("cannot make the folder {folder}: {error}"))?;
        Ok(signer)
    }
}

impl Signer {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
        let path = self.file(name);
        std::fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }

    /// Signs an archive.
    fn sign(&self, name: &str, archive: &[u8], strength: Strength) -> Result<Vec<u8>, String> {
        let path = self.write(name, archive)?;
        let mut words: Vec<String> = vec![String::from("-keystore"), self.keystore.display().to_string()];
        words.extend(self.password.words("storepass"));
        if let Some(password) = &self.key_password {
            words.extend(password.words("keypass"));
        }
        let strength: &[&str] = match strength {
            Strength::Modern => &["-digestalg", "SHA-256"],
            Strength::Legacy => &["-digestalg", "SHA1", "-sigalg", "SHA1withRSA"],
        };
        words.extend(strength.iter().map(|word| (*word).to_owned()));
        words.extend([path.display().to_string(), self.alias.clone()]);
        let signed = jarsigner(&words)
            .and_then(|_said| std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display())));
        std::fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
        signed
    }

    /// Whether an archive of the repository is signed with this key.
    fn verify(&self, name: &str, archive: &[u8]) -> Result<(), String> {
        let path = self.write(name, archive)?;
        let algorithms = self.write("java.security", OLD_ALGORITHMS.as_bytes())?;
        let mut words = vec![format!("-J-Djava.security.properties={}", algorithms.display())];
        words.extend(["-verify", "-strict", "-keystore"].map(str::to_owned));
        words.push(self.keystore.display().to_string());
        words.extend(self.password.words("storepass"));
        words.extend([path.display().to_string(), self.alias.clone()]);
        // An archive without any signature is no error to it.
        let verified = jarsigner(&words).and_then(|said| match said.lines().any(|line| line == "jar verified.") {
            true => Ok(()),
            false => Err(short(&said)),
        });
        for path in [path, algorithms] {
            std::fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
        }
        verified.map_err(|why| {
            format!("the repository's {name} is not signed with this key, so nothing made of it is: {why}")
        })
    }

    /// What was published last; a file that cannot be understood is no date.
    fn last(&self) -> Option<Dated> {
        let text = std::fs::read_to_string(self.file("published")).ok()?;
        let (timestamp, key) = text.trim().split_once(' ')?;
        Some(Dated { key: key.to_owned(), timestamp: timestamp.parse().ok()? })
    }

    /// Remembers a date before anything dated so is shown, so that it is never given to anything else.
    fn remember(&self, dated: &Dated) -> Result<(), String> {
        let path = self.write("published.new", format!("{} {}\n", dated.timestamp, dated.key).as_bytes())?;
        let kept = std::fs::File::open(&path).and_then(|file| file.sync_all());
        let kept = kept.and_then(|()| std::fs::rename(&path, self.file("published")));
        kept.map_err(|error| format!("cannot keep {}: {error}", self.file("published").display()))
    }
}

/// Runs `jarsigner` and returns what it says.
fn jarsigner(words: &[String]) -> Result<String, String> {
    // Its words are compared, so they must be the same everywhere.
    let ran = Command::new("jarsigner").arg("-J-Duser.language=en").args(words).stdin(Stdio::null()).output();
    let ran = ran.map_err(|error| format!("cannot run jarsigner, which a Java development kit brings: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    if ran.status.success() {
        return Ok(said);
    }
    Err(format!("jarsigner ended with {}: {}", ran.status, short(&said)))
}

/// What a program said, in one line.
fn short(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ").chars().take(SAID_CHARS_MAX).collect()
}

/// What the keeper knows.
struct Keeper {
    store: Arc<Store>,
    live: Arc<Live>,
    signer: Signer,
    originals: Option<Arc<Originals>>,
    /// What is in force.
    dated: Option<Dated>,
    ahead: Ahead,
    fault: Option<String>,
    /// Looks until making is tried again.
    wait: u32,
}

/// What is made for the next instant at which something changes.
enum Ahead {
    /// Nothing yet.
    Unknown,
    /// The same as now, or what could not be made: for this instant nothing is made ahead.
    Nothing(Time),
    /// To be put in force at an instant.
    Signed(Time, Publication, Dated),
}

/// Keeps the variants for as long as the gate runs.
pub(crate) async fn keep(store: Arc<Store>, live: Arc<Live>, signer: Signer) -> std::convert::Infallible {
    let mut keeper =
        Keeper { store, live, signer, originals: None, dated: None, ahead: Ahead::Unknown, fault: None, wait: 0 };
    let mut looks = 0_u32;
    loop {
        if looks.is_multiple_of(LOOKS_UNTIL_FETCH) {
            keeper.fetch().await;
        }
        keeper.look().await;
        looks = looks.wrapping_add(1);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Keeper {
    async fn fetch(&mut self) {
        match self.store.originals(self.originals.as_ref()).await {
            Ok(None) | Err(Unread::Unsettled(_)) => {}
            Ok(Some(read)) => (self.originals, self.wait) = (Some(Arc::new(read)), 0),
            // A repository that is away for a moment has taken nothing back; variants of what it was stay.
            Err(Unread::Fault(why)) => self.tell(&format!("the repository cannot be read: {why}")),
        }
    }

    async fn look(&mut self) {
        self.wait = self.wait.saturating_sub(1);
        let (docket, now) = (self.live.current(), clock::now());
        let Some(originals) = self.originals.clone() else { return };
        let until = self.store.published_until(&originals, &docket);
        if let Some(until) = until.filter(|until| now < *until) {
            if now >= until - AHEAD_SECONDS && self.wait == 0 {
                self.look_ahead(originals, docket, until).await;
            }
            return;
        }
        if let Ahead::Signed(from, publication, dated) = std::mem::replace(&mut self.ahead, Ahead::Unknown)
            && until == Some(from)
            && publication.is_of(&originals, &docket)
        {
            self.store.publish(Some(publication));
            self.dated = Some(dated);
            return;
        }
        if self.wait > 0 {
            return;
        }
        let (store, signer) = (Arc::clone(&self.store), self.signer.clone());
        let dated = self.dated.clone();
        let making = tokio::task::spawn_blocking(move || {
            let plan = store.plan(originals, docket, now);
            make(&store, plan, &signer, dated.as_ref())
        });
        match making.await.map_err(|error| error.to_string()).flatten() {
            Ok(dated) => (self.dated, self.fault) = (Some(dated), None),
            Err(why) => {
                self.store.publish(None);
                (self.dated, self.wait) = (None, LOOKS_UNTIL_RETRY);
                self.tell(&why);
            }
        }
    }

    /// Makes what there must be from `from` on, if that is something else. What fails is tried again at its time.
    async fn look_ahead(&mut self, originals: Arc<Originals>, docket: Arc<Docket>, from: Time) {
        match &self.ahead {
            Ahead::Nothing(known) if *known == from => return,
            Ahead::Signed(known, publication, _) if *known == from && publication.is_of(&originals, &docket) => return,
            Ahead::Unknown | Ahead::Nothing(_) | Ahead::Signed(..) => {}
        }
        let (store, signer, dated) = (Arc::clone(&self.store), self.signer.clone(), self.dated.clone());
        let making = tokio::task::spawn_blocking(move || {
            let plan = store.plan(originals, docket, from);
            let next = plan.dated(dated.as_ref());
            if dated.as_ref() == Some(&next) {
                return Ok(Ahead::Nothing(from));
            }
            let publication = sign(plan, &signer, &next)?;
            println!("variants  ready for {}, dated {}", format_rfc3339(from), next.timestamp);
            Ok(Ahead::Signed(from, publication, next))
        });
        self.ahead = match making.await.map_err(|error| error.to_string()).flatten() {
            Ok(ahead) => ahead,
            Err(why) => {
                eprintln!("variants of the index for {} cannot be made yet: {why}", format_rfc3339(from));
                Ahead::Nothing(from)
            }
        };
    }

    /// Says once what went wrong.
    fn tell(&mut self, why: &str) {
        if self.fault.as_deref() != Some(why) {
            let served = match self.dated {
                Some(_) => "variants of the index stay as they are",
                None => "no variants of the index: the repository's own is served, packages are refused as before",
            };
            eprintln!("{served}: {why}");
            self.fault = Some(why.to_owned());
        }
    }
}

/// Makes what a plan asks for and puts it in force, unless it is what is in force.
fn make(store: &Store, plan: Plan, signer: &Signer, in_force: Option<&Dated>) -> Result<Dated, String> {
    let dated = plan.dated(signer.last().as_ref());
    if in_force == Some(&dated) && store.republish(&plan) {
        return Ok(dated);
    }
    let publication = sign(plan, signer, &dated)?;
    println!("variants  {} of the index, dated {}", publication.count(), dated.timestamp);
    store.publish(Some(publication));
    Ok(dated)
}

/// Signs what a plan asks for.
fn sign(plan: Plan, signer: &Signer, dated: &Dated) -> Result<Publication, String> {
    for (name, archive) in plan.archives() {
        signer.verify(name, archive)?;
    }
    if plan.beyond > 0 {
        eprintln!(
            "{} more variants of the index would be needed than are made; their users see the repository's own",
            plan.beyond
        );
    }
    signer.remember(dated)?;
    let mut signed = Vec::new();
    for hidden in &plan.hidden {
        let mut files = Vec::new();
        for part in plan.parts(hidden, dated.timestamp)? {
            if let Some((name, strength)) = part.jar {
                files.push((name, signer.sign(name, &jar::jar(part.name, &part.bytes)?, strength)?));
            }
            files.push((part.name, part.bytes));
        }
        signed.push(Signed { hidden: hidden.clone(), files });
    }
    Ok(Publication::new(plan, signed))
}

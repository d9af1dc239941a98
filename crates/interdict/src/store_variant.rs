//! Variants of a store's index, kept: made again when the law or the index changes, and ahead of the hour at which a known
//! change takes effect; signed with the operator's key by the tools that sign the index itself, and dropped, with a word
//! about it, when they cannot be made. When the law changes unannounced, what was signed ahead for that is shown at once.
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
use gate::store::variant::{Dated, Hidden, Plan, Publication, Signed, Strength, jar};
use law::Time;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often the hour and the law are looked at; a look is some comparisons.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many looks until the repository is asked whether it published anything: some seconds.
const LOOKS_UNTIL_FETCH: u32 = 100;
/// How many looks until making variants is tried again after it failed: a minute, since each try starts several programs.
const LOOKS_UNTIL_RETRY: u32 = 1_200;
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
    /// The law of which it is known whether it changes what is shown.
    noticed: Option<Arc<Docket>>,
    /// Whose index with nothing left out could not be signed.
    without_whole: Option<Dated>,
    fetching: Option<JoinHandle<Result<Option<Originals>, Unread>>>,
    /// What the signer is at work on: one thing at a time, which may take minutes, and the law is looked at meanwhile.
    signing: Option<JoinHandle<Work>>,
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

/// What came of a piece of work.
enum Work {
    /// What there must be now.
    Now(Box<Made>),
    /// What there must be later.
    Ahead(Box<Ahead>),
    /// The index with nothing left out.
    Whole(Box<Result<(Plan, Files), String>>),
}

/// What there must be, with its date; no publication if it is what is in force.
type Made = Result<(Plan, Option<Publication>, Dated), String>;

/// Files with their names.
type Files = Vec<(&'static str, Vec<u8>)>;

/// Keeps the variants for as long as the gate runs.
pub(crate) async fn keep(store: Arc<Store>, live: Arc<Live>, signer: Signer) -> std::convert::Infallible {
    let mut keeper = Keeper {
        store,
        live,
        signer,
        originals: None,
        dated: None,
        ahead: Ahead::Unknown,
        fault: None,
        wait: 0,
        noticed: None,
        without_whole: None,
        fetching: None,
        signing: None,
    };
    let mut looks = 0_u32;
    loop {
        keeper.fetch(looks.is_multiple_of(LOOKS_UNTIL_FETCH)).await;
        keeper.finish().await;
        keeper.open().await;
        keeper.look();
        looks = looks.wrapping_add(1);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a task that has ended came to.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Option<Result<T, String>> {
    let done = task.take_if(|task| task.is_finished())?;
    Some(done.await.map_err(|error| error.to_string()))
}

impl Keeper {
    async fn fetch(&mut self, is_time: bool) {
        match ended(&mut self.fetching).await {
            None | Some(Ok(Ok(None) | Err(Unread::Unsettled(_)))) => {}
            Some(Ok(Ok(Some(read)))) => (self.originals, self.wait) = (Some(Arc::new(read)), 0),
            // A repository that is away for a moment has taken nothing back; variants of what it was stay.
            Some(Ok(Err(Unread::Fault(why))) | Err(why)) => self.tell(&format!("the repository cannot be read: {why}")),
        }
        if is_time && self.fetching.is_none() {
            let (store, known) = (Arc::clone(&self.store), self.originals.clone());
            self.fetching = Some(tokio::spawn(async move { store.originals(known.as_ref()).await }));
        }
    }

    /// Takes what the signer has made.
    async fn finish(&mut self) {
        let Some(work) = ended(&mut self.signing).await else { return };
        match work {
            Ok(Work::Now(made)) => self.take(*made),
            Ok(Work::Ahead(ahead)) => self.ahead = *ahead,
            Ok(Work::Whole(made)) => match *made {
                Ok((plan, files)) => {
                    self.store.add_whole(&plan, files);
                    println!("variants  ready for a change of the law that nobody announces");
                }
                Err(why) => {
                    // The next publication tries again; until then a change is shown once it is signed.
                    self.without_whole.clone_from(&self.dated);
                    self.tell(&why);
                }
            },
            Err(why) => self.take(Err(why)),
        }
    }

    fn take(&mut self, made: Made) {
        match made {
            Ok((plan, publication, dated)) => {
                let docket = self.live.current();
                if !self.originals.as_ref().is_some_and(|originals| plan.is_of(originals, &docket)) {
                    // The law or the index has changed meanwhile; what is shown stays until what is right is signed.
                    return;
                }
                match publication {
                    Some(publication) => {
                        println!("variants  {} of the index, dated {}", publication.count(), dated.timestamp);
                        self.store.publish(Some(publication));
                    }
                    None if self.store.republish(&plan) => {}
                    // It was opened while nothing seemed to change: the next look makes it anew.
                    None => return,
                }
                (self.dated, self.fault) = (Some(dated), None);
            }
            Err(why) => {
                self.store.publish(None);
                (self.dated, self.wait) = (None, LOOKS_UNTIL_RETRY);
                self.tell(&why);
            }
        }
    }

    /// Shows everybody everything where the law has changed what somebody may see: what is right takes seconds to sign.
    async fn open(&mut self) {
        let docket = self.live.current();
        let (Some(originals), Some(dated)) = (self.originals.clone(), self.dated.clone()) else { return };
        let is_noticed = self.noticed.as_ref().is_some_and(|noticed| Arc::ptr_eq(noticed, &docket));
        if is_noticed || !self.store.can_open() || self.store.published_until(&originals, &docket).is_some() {
            return;
        }
        self.noticed = Some(Arc::clone(&docket));
        let store = Arc::clone(&self.store);
        let planning = tokio::task::spawn_blocking(move || store.plan(originals, docket, clock::now()));
        let opened = match planning.await {
            Ok(plan) if plan.dated(Some(&dated)) == dated => return,
            Ok(_other) => self.signer.remember(&dated.opened()),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(()) => {
                self.store.open();
                self.dated = Some(dated.opened());
                println!("variants  the law has changed: the index with nothing left out, dated {}", dated.whole());
            }
            Err(why) => self.tell(&why),
        }
    }

    /// Puts the signer to work where something is to be made.
    fn look(&mut self) {
        self.wait = self.wait.saturating_sub(1);
        let (docket, now) = (self.live.current(), clock::now());
        let Some(originals) = self.originals.clone() else { return };
        let until = self.store.published_until(&originals, &docket);
        let is_over = until.is_none_or(|until| now >= until);
        if is_over
            && let Ahead::Signed(from, publication, dated) = std::mem::replace(&mut self.ahead, Ahead::Unknown)
            && until == Some(from)
            && publication.is_of(&originals, &docket)
        {
            self.store.publish(Some(publication));
            self.dated = Some(dated);
            return;
        }
        if self.wait > 0 || self.signing.is_some() {
            return;
        }
        let (store, signer, dated) = (Arc::clone(&self.store), self.signer.clone(), self.dated.clone());
        let next = until.filter(|until| !is_over && now >= *until - AHEAD_SECONDS);
        self.signing = if is_over {
            Some(tokio::task::spawn_blocking(move || {
                let plan = store.plan(originals, docket, now);
                Work::Now(Box::new(make(plan, &signer, dated.as_ref())))
            }))
        } else if let Some(from) = next.filter(|from| !self.is_ready(*from, &originals, &docket)) {
            Some(tokio::task::spawn_blocking(move || {
                let plan = store.plan(originals, docket, from);
                Work::Ahead(Box::new(make_ahead(plan, &signer, dated.as_ref(), from)))
            }))
        } else {
            let lacking = dated.filter(|dated| !store.has_whole() && self.without_whole.as_ref() != Some(dated));
            lacking.map(|dated| {
                tokio::task::spawn_blocking(move || {
                    let plan = store.plan(originals, docket, now);
                    let signed = sign_one(&plan, &signer, &Hidden::new(), dated.whole());
                    Work::Whole(Box::new(signed.map(|files| (plan, files))))
                })
            })
        };
    }

    /// Whether it is known what there must be from an instant on.
    fn is_ready(&self, from: Time, originals: &Arc<Originals>, docket: &Arc<Docket>) -> bool {
        match &self.ahead {
            Ahead::Nothing(known) => *known == from,
            Ahead::Signed(known, publication, _) => *known == from && publication.is_of(originals, docket),
            Ahead::Unknown => false,
        }
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

/// Makes what a plan asks for, unless it is what is in force.
fn make(plan: Plan, signer: &Signer, in_force: Option<&Dated>) -> Made {
    let dated = plan.dated(signer.last().as_ref());
    if in_force == Some(&dated) {
        return Ok((plan, None, dated));
    }
    let publication = sign(plan.clone(), signer, &dated)?;
    Ok((plan, Some(publication), dated))
}

/// Makes what there must be from `from` on, if that is something else. What fails is tried again at its time.
fn make_ahead(plan: Plan, signer: &Signer, in_force: Option<&Dated>, from: Time) -> Ahead {
    let next = plan.dated(in_force);
    if in_force == Some(&next) {
        return Ahead::Nothing(from);
    }
    match sign(plan, signer, &next) {
        Ok(publication) => {
            println!("variants  ready for {}, dated {}", format_rfc3339(from), next.timestamp);
            Ahead::Signed(from, publication, next)
        }
        Err(why) => {
            eprintln!("variants of the index for {} cannot be made yet: {why}", format_rfc3339(from));
            Ahead::Nothing(from)
        }
    }
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
        signed.push(Signed { hidden: hidden.clone(), files: sign_one(&plan, signer, hidden, dated.timestamp)? });
    }
    Ok(Publication::new(plan, signed))
}

/// Signs one index.
fn sign_one(plan: &Plan, signer: &Signer, hidden: &Hidden, timestamp: u64) -> Result<Files, String> {
    let mut files = Vec::new();
    for part in plan.parts(hidden, timestamp)? {
        if let Some((name, strength)) = part.jar {
            files.push((name, signer.sign(name, &jar::jar(part.name, &part.bytes)?, strength)?));
        }
        files.push((part.name, part.bytes));
    }
    Ok(files)
}

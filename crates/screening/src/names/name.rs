//! A name taken apart: words with weights, initials, numbers, and the words that say only what kind of
//! company it is.

use crate::text;
use foldhash::HashMap;
use std::sync::LazyLock;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person.
    Person,
    /// A company or other body.
    Company,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A word.
    Word,
    /// A single letter.
    Initial,
    /// A number, or a numeral that ends a name.
    Number,
    /// A legal form, by class: `llc` and `ooo` are one.
    Form(u8),
    /// A word that many companies share.
    Common,
    /// A title, an article, `bin`: left out of nothing, counted for little.
    Particle,
}

/// Names have no more tokens than this that anybody tells apart.
pub const TOKENS_MAX: usize = 24;

/// A word of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// In Latin letters, or in its own where both names of a pair have them.
    pub text: String,
    /// What it is.
    pub class: Class,
    /// How much it tells, between 0 and 1.
    pub weight: f32,
    /// How it sounds.
    pub sound: String,
    /// The groups of given names that are one by custom which it is in.
    pub customs: &'static [u16],
}

impl Token {
    /// A word before anything is known of it.
    fn word(text: String) -> Self {
        Self { text, class: Class::Word, weight: 1.0, sound: String::new(), customs: &[] }
    }
}

/// A name taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Its tokens in order.
    pub tokens: Vec<Token>,
    /// What is named.
    pub kind: Kind,
    /// The script it came in was another than Latin.
    pub transliterated: bool,
    /// The script parts no vowels, so that only consonants can be compared.
    pub abjad: bool,
    /// The script writes syllables, so that each word here is a part of a name that nobody leaves out.
    pub syllabic: bool,
    /// All letters run together, in their own script.
    pub whole: String,
}

/// Legal forms: the spellings of one class on one line.
const FORMS: &[&str] = &[
    "llc ooo oоo limitedliabilitycompany tov mchj sarl srl gmbh sro doo spzoo bvba bv sl sia uab oü ou lda eurl too",
    "ltd limited pte pty private pvt ltda kk yk",
    "inc incorporated corp corporation corporated",
    "plc ao oao pao zao ooao jsc cjsc ojsc pjsc sa spa ag ab asa oyj nv se as ad dd nyrt rt jointstockcompany aktiengesellschaft",
    "lp llp lllp kg ohg",
    "co company compan cie",
];

/// Words many companies share.
const COMMON: &str = "group holding holdings international intl trading trade general industries industry industrial services service \
enterprise enterprises global bank banking capital management investment investments partners fund trust solutions systems technologies \
technology tech development engineering construction shipping logistics oil gas energy import export foundation institute organization \
organisation association center centre national state federal ministry university the of and for de del la le des du der die das von \
business commercial financial finance insurance motor motors airlines aviation marine maritime transport products company factory \
research institution office department agency bureau union federation republic china india iran russia america american european";

/// Words that stand in names of people and name nobody.
const PARTICLES: &str = "mr mrs ms dr prof professor sir lord lady sheikh shaikh sheik haji hajji al el ul bin ben ibn bint abu \
van von der den de da dos di du la le jr sr junior senior mullah maulavi mawlawi sayyid sayed general gen col colonel na y e";

/// Given names that are one: formal and short, or one name of several languages.
const SAME: &[&str] = &[
    "robert bob bobby rob robbie roberto",
    "william bill billy will willy guillermo wilhelm",
    "richard dick rick ricky rich ricardo",
    "james jim jimmy jamie jaime",
    "john jack johnny jon juan johann johannes jean ivan giovanni jan ioann yahya",
    "joseph joe joey jose giuseppe yusuf yousef youssef josef iosif",
    "michael mike mick mikhail michel miguel mikael",
    "thomas tom tommy tomas",
    "charles charlie chuck carlos karl carl",
    "edward ed eddie ted teddy eduardo eduard",
    "theodore ted teddy fyodor",
    "benjamin ben bennie bibi",
    "daniel dan danny",
    "david dave davy",
    "stephen steven steve stefan esteban stepan",
    "anthony tony antonio anton",
    "alexander alex sasha aleksandr alexandr alejandro oleksandr alexandre iskander",
    "nicholas nick nicky nikolai nikolay nicolas mykola",
    "peter pete pyotr petr pedro pierre petro",
    "paul pavel pablo paulo pavlo",
    "andrew andy drew andrei andrey andres andriy andre",
    "matthew matt matteo",
    "christopher chris christoph",
    "gregory greg grigory grigori",
    "kenneth ken kenny",
    "lawrence larry lars",
    "ronald ron ronnie",
    "donald don donnie",
    "samuel sam sammy",
    "timothy tim timmy",
    "patrick pat paddy",
    "gerald gerry jerry",
    "raymond ray",
    "leonard len leo",
    "henry hank harry enrique heinrich henri",
    "francis frank francisco franz francesco",
    "george jorge georg yuri georgi giorgi jerzy",
    "vladimir volodymyr vova",
    "dmitry dmitri dima dmytro",
    "sergei sergey serge sergejs serhii",
    "eugene gene yevgeny evgeny yevgeni evgeni",
    "elizabeth liz beth betty eliza lisa isabel elisabeth",
    "katherine catherine kate kathy katie cathy ekaterina",
    "margaret maggie peggy meg margarita",
    "patricia pat patty trish",
    "jennifer jen jenny",
    "susan sue susie",
    "deborah deb debbie",
    "barbara barb",
    "rebecca becky",
    "victoria vicky",
    "anna ann anne hannah ana",
    "mary maria marie mariam maryam",
    "helen elena yelena olena",
    "natalia natalya natasha",
    "muhammad mohammed mohamed mohammad muhammed mohamad muhamad mohd md mehmet mahomet magomed",
    "ahmad ahmed ahmet",
    "hussein hussain husayn hossein husein",
    "hassan hasan",
    "abdullah abdallah abdulla",
    "umar omar omer",
    "usman othman uthman osman",
    "mustafa mostafa mustapha",
    "ibrahim abraham abe ebrahim",
    "ismail ismael ishmael",
    "yaqub jacob jakob yakub jake",
    "musa moses moussa",
    "ali aly",
    "yahya yehia",
    "sulayman suleiman sulaiman solomon",
    "zhou chou",
    "zedong tsetung",
    "xi hsi si",
    "zhang chang",
    "barack barry",
    "jiang chiang",
    "qian chien",
];

/// Words that are numbers.
const NUMBERS: &[(&str, &str)] = &[
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("first", "1"),
    ("1st", "1"),
    ("second", "2"),
    ("2nd", "2"),
    ("third", "3"),
    ("3rd", "3"),
    ("fourth", "4"),
    ("4th", "4"),
    ("fifth", "5"),
    ("5th", "5"),
    ("ii", "2"),
    ("iii", "3"),
    ("iv", "4"),
    ("vi", "6"),
    ("vii", "7"),
    ("viii", "8"),
    ("ix", "9"),
    ("xi", "11"),
    ("xii", "12"),
];

/// Abbreviations of words that companies share.
const SHORT: &[(&str, &str)] = &[
    ("intl", "international"),
    ("mfg", "manufacturing"),
    ("svcs", "services"),
    ("srvces", "services"),
    ("svc", "service"),
    ("grp", "group"),
    ("comm", "communications"),
    ("tech", "technology"),
    ("technologies", "technology"),
    ("bros", "brothers"),
    ("natl", "national"),
    ("dept", "department"),
    ("univ", "university"),
    ("assn", "association"),
    ("inst", "institute"),
    ("mgmt", "management"),
    ("ind", "industries"),
    ("industry", "industries"),
    ("gen", "general"),
    ("u.s.", "us"),
    ("usa", "us"),
];

/// Words that only hold others together.
const JOINING: [&str; 17] =
    ["the", "of", "and", "for", "de", "del", "la", "le", "des", "du", "der", "die", "das", "von", "y", "e", "und"];

/// Several words that are one.
const PHRASES: &[(&[&str], &str)] = &[
    (&["open", "joint", "stock", "company"], "ojsc"),
    (&["closed", "joint", "stock", "company"], "cjsc"),
    (&["public", "joint", "stock", "company"], "pjsc"),
    (&["joint", "stock", "company"], "jsc"),
    (&["limited", "liability", "company"], "llc"),
    (&["limited", "liability", "partnership"], "llp"),
    (&["limited", "partnership"], "lp"),
    (&["public", "limited", "company"], "plc"),
    (&["private", "limited"], "pte"),
    (&["societatea", "cu", "raspundere", "limitata"], "srl"),
    (&["sociedad", "anonima"], "sa"),
    (&["societe", "anonyme"], "sa"),
    (&["gesellschaft", "mit", "beschrankter", "haftung"], "gmbh"),
    (&["sp", "z", "oo"], "spzoo"),
    (&["united", "states", "of", "america"], "us"),
    (&["united", "states"], "us"),
    (&["united", "kingdom"], "uk"),
    (&["obshchestvo", "s", "ogranichennoy", "otvetstvennostyu"], "ooo"),
    (&["aktsionernoe", "obshchestvo"], "ao"),
];

/// Tens, so that `forty four` is 44.
const TENS: [(&str, u32); 9] = [
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fourty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];

/// What a word is known for.
#[derive(Debug, Default)]
struct Known {
    form: Option<u8>,
    common: bool,
    particle: bool,
    joining: bool,
    /// Several words that are one may begin with it.
    opens: bool,
    digits: Option<&'static str>,
    /// What it is an abbreviation of in names of companies.
    long: Option<&'static str>,
    customs: Vec<u16>,
}

static UNKNOWN: Known = Known {
    form: None,
    common: false,
    particle: false,
    joining: false,
    opens: false,
    digits: None,
    long: None,
    customs: Vec::new(),
};

static KNOWN: LazyLock<HashMap<&'static str, Known>> = LazyLock::new(|| {
    let mut known: HashMap<&'static str, Known> = HashMap::default();
    let mut put = |word, note: &dyn Fn(&mut Known)| note(known.entry(word).or_default());
    for (class, words) in (0..).zip(FORMS) {
        words.split(' ').for_each(|word| put(word, &|known| known.form = Some(class)));
    }
    COMMON.split_whitespace().for_each(|word| put(word, &|known| known.common = true));
    PARTICLES.split_whitespace().for_each(|word| put(word, &|known| known.particle = true));
    JOINING.iter().for_each(|word| put(word, &|known| known.joining = true));
    let firsts = PHRASES.iter().filter_map(|(phrase, _)| phrase.first()).chain(TENS.iter().map(|(word, _)| word));
    firsts.for_each(|word| put(word, &|known| known.opens = true));
    // Of two that say the same word the first counts.
    SHORT.iter().rev().for_each(|(short, long)| put(short, &|known| known.long = Some(long)));
    NUMBERS.iter().rev().for_each(|(word, digits)| put(word, &|known| known.digits = Some(digits)));
    for (number, names) in (0..).zip(SAME) {
        names.split(' ').for_each(|name| put(name, &|known| known.customs.push(number)));
    }
    known
});

fn known(word: &str) -> &'static Known {
    KNOWN.get(word).unwrap_or(&UNKNOWN)
}

/// The groups of names that are one by custom which a name is in.
pub(super) fn groups(text: &str) -> &'static [u16] {
    &known(text).customs
}

/// Every given name that is one with others by custom.
pub(super) fn customary() -> impl Iterator<Item = &'static str> {
    SAME.iter().flat_map(|names| names.split(' '))
}

/// Whether two given names are one person's by custom.
#[must_use]
pub fn are_one_name(a: &str, b: &str) -> bool {
    share(groups(a), groups(b))
}

/// Whether two names are in one group.
pub(super) fn share(a: &[u16], b: &[u16]) -> bool {
    a.iter().any(|group| b.contains(group))
}

impl Name {
    /// Takes a name apart, in Latin letters.
    #[must_use]
    pub fn new(written: &str, kind: Kind) -> Self {
        let (own, latin) = text::written(written);
        let key = latin.as_ref().unwrap_or(&own);
        let mut name = Self::of_words(key.words().filter_map(|word| key.letters.get(word)), kind);
        if latin.is_some() {
            let any = |is: fn(char) -> bool| own.letters.chars().any(is);
            name.transliterated = any(|letter| letter as u32 > 0x24f);
            name.abjad = any(|letter| matches!(letter, '\u{590}'..='\u{6ff}' | '\u{3040}'..='\u{30ff}'));
            name.syllabic = any(text::is_syllable);
        }
        name.whole = own.letters;
        name
    }

    /// Takes a name apart in its own script, as is best where both names of a pair share it.
    #[must_use]
    pub fn own(written: &str, kind: Kind) -> Self {
        let (key, _) = text::written(written);
        let mut name = Self::of_words(key.words().filter_map(|word| key.letters.get(word)), kind);
        name.syllabic = key.letters.chars().any(text::is_syllable);
        name.whole = key.letters;
        name
    }

    fn of_words<'w>(words: impl Iterator<Item = &'w str>, kind: Kind) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        for word in words.take(TOKENS_MAX) {
            let long = if kind == Kind::Company { known(word).long } else { None };
            tokens.push(Token::word(long.unwrap_or(word).to_owned()));
        }
        if kind == Kind::Company {
            join_phrases(&mut tokens);
            join_letters(&mut tokens);
        }
        let count = tokens.len();
        for (n, token) in tokens.iter_mut().enumerate() {
            let known = known(&token.text);
            token.class = classify(&token.text, known, kind, n, count);
            token.weight = weight(token, known);
            token.sound = super::sound::sound(&token.text);
            token.customs = &known.customs;
        }
        // A name of nothing but common words still names something.
        if tokens.iter().all(|token| token.weight < 0.5) {
            for token in tokens.iter_mut().filter(|token| matches!(token.class, Class::Common | Class::Particle)) {
                token.weight = 0.8;
            }
        }
        for token in &mut tokens {
            if let (Class::Number, Some(digits)) = (token.class, known(&token.text).digits) {
                token.text = digits.to_owned();
            }
        }
        Self { tokens, kind, transliterated: false, abjad: false, syllabic: false, whole: String::new() }
    }

    /// Sum of the weights.
    #[must_use]
    pub fn weight(&self) -> f32 {
        self.tokens.iter().map(|token| token.weight).sum()
    }
}

fn join_phrases(tokens: &mut Vec<Token>) {
    let mut n = 0;
    while let Some(token) = tokens.get(n) {
        if !known(&token.text).opens {
            n += 1;
            continue;
        }
        let stands = |phrase: &[&str]| {
            phrase.iter().enumerate().all(|(m, word)| tokens.get(n + m).is_some_and(|t| t.text == *word))
        };
        let found =
            PHRASES.iter().find(|(phrase, _)| stands(phrase)).map(|(phrase, one)| (phrase.len(), (*one).to_owned()));
        let ten = || {
            let ten = TENS.iter().find(|(word, _)| tokens.get(n).is_some_and(|t| t.text == *word))?.1;
            let unit = tokens.get(n + 1).and_then(|t| NUMBERS.iter().find(|(word, _)| t.text == *word));
            let unit = unit.and_then(|(_, digit)| digit.parse::<u32>().ok()).filter(|unit| *unit < 10);
            Some((1 + usize::from(unit.is_some()), (ten + unit.unwrap_or(0)).to_string()))
        };
        if let Some((length, text)) = found.or_else(ten) {
            tokens.splice(n..n + length, [Token::word(text)]);
        }
        n += 1;
    }
}

/// `L L C`, `A B C`: three or more single letters in a row are one word of a company's name.
fn join_letters(tokens: &mut Vec<Token>) {
    let mut n = 0;
    while n < tokens.len() {
        let run = tokens
            .iter()
            .skip(n)
            .take_while(|token| {
                token.text.chars().count() == 1 && !token.text.starts_with(|c: char| c.is_ascii_digit())
            })
            .count();
        if run >= 2 {
            let joined: String = tokens.drain(n..n + run).map(|token| token.text).collect();
            tokens.insert(n, Token::word(joined));
        }
        n += 1;
    }
}

fn classify(text: &str, known: &Known, kind: Kind, at: usize, count: usize) -> Class {
    let is_numeral = known.digits.is_some() && (at > 0 || kind == Kind::Company);
    if is_numeral || text.bytes().all(|b| b.is_ascii_digit()) {
        return Class::Number;
    }
    match kind {
        Kind::Person if known.particle && count > 1 => Class::Particle,
        Kind::Person if text.len() <= 4 && text.chars().count() == 1 => Class::Initial,
        // Forms of two letters count only in last place: `as`, `co`, `ag` are words elsewhere.
        Kind::Company => match known.form {
            Some(class) if text.len() > 2 || at + 1 == count || matches!(text, "co" | "ao") => Class::Form(class),
            Some(_) | None if known.common || known.joining => Class::Common,
            Some(_) | None => Class::Word,
        },
        Kind::Person => Class::Word,
    }
}

fn weight(token: &Token, known: &Known) -> f32 {
    match token.class {
        Class::Common | Class::Particle if known.joining => 0.06,
        Class::Word if matches!(token.text.as_str(), "abdul" | "abd") => 0.5,
        Class::Word if token.text.len() < 3 => 0.7,
        Class::Word => 1.0,
        Class::Initial => 0.3,
        Class::Number => 0.8,
        Class::Form(_) => 0.12,
        Class::Common => 0.35,
        Class::Particle => 0.12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(text: &str, kind: Kind) -> Vec<(String, Class)> {
        Name::new(text, kind).tokens.into_iter().map(|token| (token.text, token.class)).collect()
    }

    #[test]
    fn companies_are_words_forms_and_numbers() {
        assert_eq!(
            classes("Bowne Partners II L.L.C.", Kind::Company),
            [
                ("bowne".into(), Class::Word),
                ("partners".into(), Class::Common),
                ("2".into(), Class::Number),
                ("llc".into(), Class::Form(0))
            ]
        );
        assert_eq!(classes("AG Edwards", Kind::Company)[0].1, Class::Word);
        assert_eq!(classes("Siemens AG", Kind::Company)[1].1, Class::Form(3));
        assert_eq!(classes("A B C Company", Kind::Company)[0].0, "abc");
    }

    #[test]
    fn people_are_words_initials_and_particles() {
        assert_eq!(
            classes("Dr. John F. al-Smith", Kind::Person),
            [
                ("dr".into(), Class::Particle),
                ("john".into(), Class::Word),
                ("f".into(), Class::Initial),
                ("al".into(), Class::Particle),
                ("smith".into(), Class::Word)
            ]
        );
        assert_eq!(classes("习近平", Kind::Person).len(), 3);
        assert!(are_one_name("bob", "robert") && are_one_name("juan", "john") && !are_one_name("bob", "john"));
    }
}

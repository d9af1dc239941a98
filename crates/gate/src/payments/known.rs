//! The names and identifiers looked for: those of the subject files, and the spellings met in payments.

use docket::Docket;
use docket::subject::{Registry, Subject};
use docket::vocabulary::ResourceKind;
use screening::brand::{Alias, Brands, Sense};
use screening::identifier::{Identifiers, Known as Holder};
use screening::names::list::List;
use screening::names::published::{CodeKind, Party, Published};
use std::sync::Arc;

const ALIASES: &str = include_str!("aliases.txt");
const NEIGHBOURS: &str = include_str!("neighbours.txt");
const VERBS: &str = include_str!("verbs.txt");

/// Card descriptors: what a facilitator puts before the star, and whose it is.
const DESCRIPTORS: [(&str, &str); 8] = [
    ("WEIXIN", "wechat-pay"),
    ("WECHAT", "wechat-pay"),
    ("WECHATPAY", "wechat-pay"),
    ("TENPAY", "wechat-pay"),
    ("WX", "wechat-pay"),
    ("ALP", "alipay"),
    ("ALIPAY", "alipay"),
    ("ALI", "alipay"),
];

/// Schemes and hosts that only a wallet has.
const LINKS: [(&str, &str); 9] = [
    ("wxp://", "wechat-pay"),
    ("weixin://", "wechat-pay"),
    ("payapp.weixin.qq.com", "wechat-pay"),
    ("pay.weixin.qq.com", "wechat-pay"),
    ("alipay://", "alipay"),
    ("alipays://", "alipay"),
    ("alipayqr://", "alipay"),
    ("qr.alipay.com", "alipay"),
    ("alipay.com", "alipay"),
];

/// Names and identifiers, ready to be looked for.
#[derive(Debug)]
pub struct Known {
    /// Names.
    pub brands: Brands,
    /// Identifiers, of subjects and of whoever was added.
    pub identifiers: Identifiers,
    /// Words that make a mention a way of paying.
    pub verbs: Vec<&'static str>,
    /// Names on lists the operator keeps.
    pub lists: Option<Arc<Lists>>,
}

/// Lists of people and companies the operator keeps.
#[derive(Debug)]
pub struct Lists {
    /// Every name.
    pub names: List,
    /// Whom the names name.
    pub parties: Vec<Party>,
    /// The order that freezes their property, if one does.
    frozen_under: Option<String>,
}

impl Lists {
    /// Lists ready to be searched. Where an order freezes the property of those on them, `frozen_under` names it.
    #[must_use]
    pub fn new(published: Published, frozen_under: Option<&str>) -> Self {
        let frozen_under = frozen_under.map(str::to_owned);
        Self { names: published.names.finish(), parties: published.parties, frozen_under }
    }
}

/// A holder that is a subject has its number; one of a list has its place there added to this.
pub const LISTED: u32 = 1 << 16;

impl Known {
    /// Everything a docket's subjects are called in payments.
    ///
    /// # Errors
    /// A line of the tables that cannot be read, or too many names.
    pub fn of(docket: &Docket) -> Result<Self, String> {
        let registry = docket.registry();
        let mut aliases = Vec::new();
        for (number, line) in lines(ALIASES) {
            let wrong = |what: &str| format!("aliases.txt:{number}: {what}");
            let [subject, sense, strength, names]: [&str; 4] = line
                .splitn(4, ';')
                .map(str::trim)
                .collect::<Vec<_>>()
                .try_into()
                .map_err(|_parts: Vec<_>| wrong("expected subject; sense; strength; names"))?;
            // Orders of the user's own may come with subjects of their own: what they lack is not looked for.
            let Some(subject) = registry.get(subject) else { continue };
            let sense = sense_of(sense).ok_or_else(|| wrong("the sense is wallet, app or company"))?;
            let weak = match strength {
                "strong" => false,
                "weak" => true,
                _ => return Err(wrong("strong or weak")),
            };
            let source = || String::from("payment aliases");
            aliases.extend(names.split('|').map(|name| Alias {
                text: name.trim().to_owned(),
                subject: subject.number,
                sense,
                weak,
                source: source(),
            }));
        }
        for subject in registry.subjects() {
            aliases.extend(of_subject(subject));
        }
        let neighbours: Vec<&str> = lines(NEIGHBOURS).map(|(_, line)| line).collect();
        let brands = Brands::new(aliases, &neighbours).map_err(|error| error.to_string())?;
        Ok(Self {
            brands,
            identifiers: identifiers(registry),
            verbs: lines(VERBS).map(|(_, line)| line).collect(),
            lists: None,
        })
    }

    /// Looks for whoever is on these lists too.
    #[must_use]
    pub fn with_lists(mut self, lists: Arc<Lists>) -> Self {
        let frozen_under = lists.frozen_under.as_deref();
        for (number, party) in (LISTED..).zip(&lists.parties) {
            let source = match frozen_under {
                Some(order) => format!("{} ({}, property frozen under {order})", party.name, party.source),
                None => format!("{} ({})", party.name, party.source),
            };
            for (kind, code) in &party.codes {
                let holder = Holder { holder: number, source: source.clone(), freezes: frozen_under.is_some() };
                match kind {
                    CodeKind::Bic => self.identifiers.add_bic(code, holder),
                    CodeKind::Number => self.identifiers.add_number(code, holder),
                }
            }
        }
        self.lists = Some(lists);
        self
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn sense_of(word: &str) -> Option<Sense> {
    match word {
        "wallet" => Some(Sense::Wallet),
        "app" => Some(Sense::App),
        "company" => Some(Sense::Company),
        _ => None,
    }
}

/// What a subject file calls it: its names, and its wallets.
fn of_subject(subject: &Subject) -> Vec<Alias> {
    let wallets: Vec<&str> =
        subject.identifiers.iter().filter(|i| i.kind == ResourceKind::Wallet).map(|i| i.written.as_str()).collect();
    let sense = if subject.is_company {
        Sense::Company
    } else if wallets.is_empty() {
        Sense::App
    } else {
        Sense::Wallet
    };
    let alias = |text: &str, what: &str| Alias {
        text: text.to_owned(),
        subject: subject.number,
        sense,
        weak: false,
        source: format!("{what} of {}", subject.id),
    };
    let names = subject.names.iter().map(|name| alias(name, "name"));
    names.chain(wallets.iter().map(|wallet| alias(wallet, "wallet"))).collect()
}

fn identifiers(registry: &Registry) -> Identifiers {
    let mut identifiers = Identifiers::default();
    let holder = |id: &str, source: String| {
        let number = registry.get(id)?.number;
        Some(Holder { holder: u32::from(number), source, freezes: false })
    };
    for (prefix, id) in DESCRIPTORS {
        if let Some(known) = holder(id, format!("card descriptor {prefix}*")) {
            identifiers.add_descriptor(prefix, known);
        }
    }
    for (link, id) in LINKS {
        if let Some(known) = holder(id, format!("link {link}")) {
            identifiers.add_link(link, known);
        }
    }
    for subject in registry.subjects() {
        // Only a wallet's own links are a way of paying; an app's may be about anything.
        let pays = subject.identifiers.iter().any(|i| i.kind == ResourceKind::Wallet);
        let domains = subject.identifiers.iter().filter(|i| i.kind == ResourceKind::Domain && !i.shared && pays);
        for domain in domains {
            if let Some(known) = holder(&subject.id, format!("domain of {}", subject.id)) {
                identifiers.add_link(&domain.id, known);
            }
        }
    }
    identifiers
}

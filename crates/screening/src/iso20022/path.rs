//! Where text stands in a message, and what that makes of it. Each distinct path is judged once a file.

use crate::payment::{Role, Says, Whom};

/// Paths told apart in one file. The whole of pacs.008 has about 1,900; a file that has more than this
/// invents them, and what lies beyond is read as words that go along.
pub const PATHS_MAX: usize = 8 * 1024;

/// What an element is in the frame of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The element all others of a message stand in (`FIToFICstmrCdtTrf`).
    Message(Kind),
    /// A batch of pain.001 (`PmtInf`).
    Batch,
    /// One transaction (`CdtTrfTxInf`).
    Payment,
    /// A signature.
    Signature,
    /// Anything else.
    Inside,
}

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Customer credit transfer initiation, pain.001.
    Initiation,
    /// Credit transfer between institutions for customers, pacs.008.
    CustomerTransfer,
    /// Credit transfer between institutions for themselves, pacs.009.
    InstitutionTransfer,
}

impl Kind {
    /// The first two parts of its identifier.
    #[must_use]
    pub const fn family(self) -> &'static str {
        match self {
            Self::Initiation => "pain.001",
            Self::CustomerTransfer => "pacs.008",
            Self::InstitutionTransfer => "pacs.009",
        }
    }
}

/// Which part of a message an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    Plain,
    Organisation,
    Private,
    Postal,
    Account,
    Proxy,
    Clearing,
    Purpose,
    PaymentType,
    Instruction,
    /// Words that go along, whatever the elements in them are called.
    Aside,
}

/// What the text of an element is.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// In the frame of the message.
    pub frame: Frame,
    /// Of whom it speaks.
    pub whom: Whom,
    /// What that makes of whoever is named.
    pub role: Role,
    /// What it says.
    pub says: Says,
    area: Area,
    institutions: bool,
}

const OUTSIDE: Class = Class {
    frame: Frame::Inside,
    whom: Whom::Payment,
    role: Role::Mention,
    says: Says::Text,
    area: Area::Plain,
    institutions: false,
};

#[derive(Debug)]
pub(crate) struct Node {
    name: String,
    parent: u16,
    class: Class,
    children: Vec<u16>,
}

/// Every path met in a file.
#[derive(Debug)]
pub struct Paths {
    nodes: Vec<Node>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { nodes: vec![Node { name: String::new(), parent: 0, class: OUTSIDE, children: Vec::new() }] }
    }
}

impl Paths {
    /// The path of nothing: outside every element.
    pub const ROOT: u16 = 0;

    /// The path of an element below another.
    pub fn child(&mut self, parent: u16, name: &str) -> u16 {
        let Some(above) = self.nodes.get(usize::from(parent)) else { return Self::ROOT };
        let known = |child: &&u16| self.nodes.get(usize::from(**child)).is_some_and(|node| node.name == name);
        if let Some(child) = above.children.iter().find(known) {
            return *child;
        }
        let class = classify(&above.class, &above.name, name);
        let Ok(number) = u16::try_from(self.nodes.len()) else { return parent };
        if self.nodes.len() >= PATHS_MAX && class.frame == Frame::Inside {
            return parent;
        }
        self.nodes.push(Node { name: name.to_owned(), parent, class, children: Vec::new() });
        if let Some(above) = self.nodes.get_mut(usize::from(parent)) {
            above.children.push(number);
        }
        number
    }

    /// Those met after the first `known`, for another to [`learn`](Self::learn).
    pub(crate) fn news(&self, known: usize) -> Vec<Node> {
        let copy = |node: &Node| Node { name: node.name.clone(), children: Vec::new(), ..*node };
        self.nodes.iter().skip(known).map(copy).collect()
    }

    /// Takes over paths under the numbers another gave them. Whoever learns finds words and classes, and adds none.
    pub(crate) fn learn(&mut self, news: Vec<Node>) {
        self.nodes.extend(news);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// What a path makes of its text.
    #[must_use]
    pub fn class(&self, path: u16) -> Class {
        self.nodes.get(usize::from(path)).map_or(OUTSIDE, |node| node.class)
    }

    /// The path in words, from the transaction or the message on (`Cdtr/PstlAdr/Ctry`).
    #[must_use]
    pub fn words(&self, path: u16) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut at = path;
        while at != Self::ROOT {
            let Some(node) = self.nodes.get(usize::from(at)) else { break };
            if node.class.frame != Frame::Inside {
                break;
            }
            names.push(&node.name);
            at = node.parent;
        }
        names.reverse();
        names.join("/")
    }
}

fn message(name: &str) -> Option<Kind> {
    // The first versions called the element by the message's own name.
    let versioned = |family: &str| name.strip_prefix(family).is_some_and(|rest| rest.starts_with(".001."));
    match name {
        "CstmrCdtTrfInitn" => Some(Kind::Initiation),
        "FIToFICstmrCdtTrf" => Some(Kind::CustomerTransfer),
        "FICdtTrf" | "FinInstnCdtTrf" => Some(Kind::InstitutionTransfer),
        _ if versioned("pain.001") => Some(Kind::Initiation),
        _ if versioned("pacs.008") => Some(Kind::CustomerTransfer),
        _ if versioned("pacs.009") => Some(Kind::InstitutionTransfer),
        _ => None,
    }
}

fn classify(above: &Class, parent: &str, name: &str) -> Class {
    let mut class = Class { frame: Frame::Inside, says: Says::Text, ..*above };
    if let Some(kind) = message(name) {
        let institutions = kind == Kind::InstitutionTransfer;
        return Class { frame: Frame::Message(kind), institutions, ..OUTSIDE };
    }
    match name {
        "PmtInf" => return Class { frame: Frame::Batch, ..class },
        "CdtTrfTxInf" => return Class { frame: Frame::Payment, ..class },
        "Sgntr" | "Signature" => class.frame = Frame::Signature,
        _ => {}
    }
    if above.area == Area::Aside {
        aside(&mut class, name);
        return class;
    }
    if place(&mut class, name) {
        return class;
    }
    class.says = says(&class, parent, name);
    if class.says == Says::Address {
        class.role = Role::Address;
    }
    class
}

/// Inside remittance information only invoicer and invoicee are parties.
fn aside(class: &mut Class, name: &str) {
    match name {
        "Invcr" | "Invcee" => (class.whom, class.role) = (Whom::Invoice, Role::Party),
        "PstlAdr" => class.role = Role::Address,
        _ => {}
    }
}

/// Elements that say whose the things in them are; whether this is one.
fn place(class: &mut Class, name: &str) -> bool {
    if let Some(owner) = name.strip_suffix("Acct").filter(|owner| !owner.is_empty()) {
        let (whom, _) = owner_of(owner, class.institutions).unwrap_or((Whom::Intermediary, Role::Agent));
        (class.whom, class.role, class.area) = (whom, Role::Account, Area::Account);
        return true;
    }
    if let Some((whom, role)) = owner_of(name, class.institutions) {
        (class.whom, class.role, class.area) = (whom, role, Area::Plain);
        return true;
    }
    match name {
        // Below it the customers behind a cover payment.
        "UndrlygCstmrCdtTrf" => class.institutions = false,
        "Prxy" => class.area = Area::Proxy,
        "OrgId" => class.area = Area::Organisation,
        "PrvtId" => class.area = Area::Private,
        "PstlAdr" => (class.area, class.role) = (Area::Postal, Role::Address),
        "ClrSysId" | "ClrSys" => class.area = Area::Clearing,
        "PmtTpInf" => class.area = Area::PaymentType,
        "Purp" | "CtgyPurp" => (class.area, class.whom, class.role) = (Area::Purpose, Whom::Payment, Role::Mention),
        "InstrForCdtrAgt" | "InstrForDbtrAgt" | "InstrForNxtAgt" => {
            (class.area, class.role) = (Area::Instruction, Role::Routing);
        }
        "RmtInf" | "RltdRmtInf" | "SplmtryData" | "RgltryRptg" | "Tax" => {
            (class.area, class.whom, class.role) = (Area::Aside, Whom::Payment, Role::Mention);
        }
        _ => return false,
    }
    true
}

fn owner_of(name: &str, institutions: bool) -> Option<(Whom, Role)> {
    Some(match name {
        "Dbtr" if institutions => (Whom::Debtor, Role::Agent),
        "Cdtr" if institutions => (Whom::Creditor, Role::Agent),
        "Dbtr" => (Whom::Debtor, Role::Party),
        "Cdtr" => (Whom::Creditor, Role::Party),
        "UltmtDbtr" => (Whom::UltimateDebtor, Role::Party),
        "UltmtCdtr" => (Whom::UltimateCreditor, Role::Party),
        "InitgPty" => (Whom::Initiator, Role::Party),
        "DbtrAgt" => (Whom::DebtorAgent, Role::Agent),
        "CdtrAgt" => (Whom::CreditorAgent, Role::Agent),
        "InstgAgt" | "InstdAgt" | "FwdgAgt" | "Agt" | "FIId" | "InstgRmbrsmntAgt" | "InstdRmbrsmntAgt"
        | "ThrdRmbrsmntAgt" | "ChrgsAcctAgt" => (Whom::Intermediary, Role::Agent),
        _ if name.starts_with("IntrmyAgt") || name.starts_with("PrvsInstgAgt") => (Whom::Intermediary, Role::Agent),
        _ => return None,
    })
}

fn says(class: &Class, parent: &str, name: &str) -> Says {
    match name {
        "Nm" if class.area != Area::Postal => return Says::Name,
        "BICFI" | "BIC" | "AnyBIC" | "BICOrBEI" => return Says::Bic,
        "LEI" => return Says::Lei,
        "MmbId" => return Says::Member,
        "IBAN" => return Says::AccountId,
        "CtryOfRes" => return Says::Residence,
        "UETR" => return Says::Uetr,
        "MsgId" => return Says::MessageId,
        "PmtInfId" => return Says::BatchId,
        "InstrId" => return Says::InstructionId,
        "EndToEndId" => return Says::EndToEndId,
        "TxId" => return Says::TransactionId,
        "IntrBkSttlmAmt" | "InstdAmt" => return Says::Amount,
        "IntrBkSttlmDt" | "ReqdExctnDt" => return Says::ValueDate,
        "Dt" | "DtTm" if parent == "ReqdExctnDt" => return Says::ValueDate,
        "AccptncDtTm" => return Says::Accepted,
        "CreDtTm" => return Says::Created,
        "NbOfTxs" => return Says::Count,
        "CtrlSum" | "TtlIntrBkSttlmAmt" => return Says::Sum,
        "ChrgBr" | "SttlmMtd" | "InstrPrty" | "PmtMtd" | "XchgRate" | "BtchBookg" | "Ccy" | "Amt" | "ClrChanl"
        | "RgltryDtls" | "PmtPrtry" | "SttlmPrty" | "MsgDefIdr" | "BizSvc" | "CreDt" | "CtryOfBirth" | "BirthDt" => {
            return Says::Code;
        }
        _ => {}
    }
    match class.area {
        Area::Postal => match name {
            "Ctry" => Says::Country,
            "CtrySubDvsn" => Says::Subdivision,
            "Cd" => Says::Code,
            _ => Says::Address,
        },
        Area::Organisation if name == "Id" => Says::OrganisationId,
        Area::Private => Says::PrivateId,
        Area::Account if name == "Id" => Says::AccountId,
        Area::Proxy if name == "Id" => Says::ProxyId,
        Area::Proxy if name == "Cd" || name == "Prtry" => Says::ProxyKind,
        Area::Clearing if name == "Cd" => Says::Clearing,
        Area::Purpose if name == "Cd" => Says::Purpose,
        Area::PaymentType if name != "Prtry" => Says::Code,
        Area::Instruction if name == "Cd" => Says::Code,
        Area::Instruction => Says::Instruction,
        Area::Organisation
        | Area::Account
        | Area::Proxy
        | Area::Clearing
        | Area::Purpose
        | Area::PaymentType
        | Area::Plain
        | Area::Aside => {
            if name == "Cd" {
                Says::Code
            } else {
                Says::Text
            }
        }
    }
}

//! A payment as its fields: each with what it says, of whom, in which role, and the bytes it stands on.
//!
//! One buffer serves a whole file: a payment is cleared and filled again, so memory does not grow with it.

use crate::telegraph;
use std::ops::Range;

/// What a piece of text makes of whoever it names. Only the first five are taking part in a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Pays, is paid, or does so for another.
    Party,
    /// An institution the money passes through.
    Agent,
    /// The account, wallet or proxy it is paid from or to.
    Account,
    /// An instruction on how to route it.
    Routing,
    /// The merchant of a card payment.
    CardAcceptor,
    /// Text that goes along: remittance information, references.
    Mention,
    /// A postal address.
    Address,
}

impl Role {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Agent => "agent",
            Self::Account => "account",
            Self::Routing => "routing",
            Self::CardAcceptor => "card acceptor",
            Self::Mention => "mention",
            Self::Address => "address",
        }
    }

    /// Whether whoever is named in this role takes part in the payment.
    #[must_use]
    pub const fn takes_part(self) -> bool {
        match self {
            Self::Party | Self::Agent | Self::Account | Self::Routing | Self::CardAcceptor => true,
            Self::Mention | Self::Address => false,
        }
    }
}

/// Whom a field speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whom {
    /// Nobody in particular: the payment itself.
    Payment,
    /// Whoever sends the instruction.
    Initiator,
    /// Who pays.
    Debtor,
    /// For whom the debtor pays.
    UltimateDebtor,
    /// The debtor's bank.
    DebtorAgent,
    /// Who is paid.
    Creditor,
    /// For whom the creditor is paid.
    UltimateCreditor,
    /// The creditor's bank.
    CreditorAgent,
    /// Any other institution on the way.
    Intermediary,
    /// Invoicer or invoicee: a party to the debt, not to the transfer.
    Invoice,
}

/// What a field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Says {
    /// A name.
    Name,
    /// A business identifier code, ISO 9362.
    Bic,
    /// A legal entity identifier, ISO 17442.
    Lei,
    /// A member id in a clearing system.
    Member,
    /// A clearing system, by code.
    Clearing,
    /// Another identification of an organisation.
    OrganisationId,
    /// An identification of a private person.
    PrivateId,
    /// An account number.
    AccountId,
    /// A kind of account proxy, by code.
    ProxyKind,
    /// An account proxy: a wallet address, a telephone number, a link.
    ProxyId,
    /// A country, by code.
    Country,
    /// A country subdivision.
    Subdivision,
    /// A country of residence, by code.
    Residence,
    /// A line or part of a postal address.
    Address,
    /// A purpose or category of purpose, by code.
    Purpose,
    /// An instruction to an agent.
    Instruction,
    /// Words that go along.
    Text,
    /// Message identification.
    MessageId,
    /// Batch identification.
    BatchId,
    /// Instruction identification.
    InstructionId,
    /// End-to-end identification.
    EndToEndId,
    /// Transaction identification.
    TransactionId,
    /// Unique end-to-end transaction reference.
    Uetr,
    /// The amount to settle; `of` its currency.
    Amount,
    /// The day of settlement or requested execution.
    ValueDate,
    /// When the debtor's bank accepted it.
    Accepted,
    /// When the message was created.
    Created,
    /// How many transactions the message or batch says it has.
    Count,
    /// What it says their amounts sum up to.
    Sum,
    /// A code, a rate, a flag: nothing with names in it.
    Code,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it says.
    pub says: Says,
    /// Of whom.
    pub whom: Whom,
    /// What that makes of whoever it names.
    pub role: Role,
    /// Where it stands in the message (`Cdtr/Nm`), as an index into the reader's paths.
    pub path: u16,
    /// Its text, within the payment's.
    pub text: Range<usize>,
    /// Its bytes in the file, markup between its parts included.
    pub bytes: Range<u64>,
    /// Whether its bytes are its text: nothing was escaped, joined or decoded.
    pub plain: bool,
}

/// The fields of a payment, of a batch header, or of a message header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// The text of all fields, one after the other.
    pub text: String,
    /// The fields, as they come.
    pub fields: Vec<Field>,
    /// Whether some of its bytes are no text in the encoding they should be in.
    pub undecodable: bool,
    /// Whether it is signed, so that no byte of it may change.
    pub signed: bool,
}

impl Payment {
    /// Makes it empty, keeping what it has allocated.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.undecodable = false;
        self.signed = false;
    }

    /// The text of a field.
    #[must_use]
    pub fn text_of(&self, field: &Field) -> &str {
        self.text.get(field.text.clone()).unwrap_or("")
    }

    /// The first thing said of `whom`.
    #[must_use]
    pub fn first(&self, whom: Whom, says: Says) -> Option<&str> {
        self.all(whom, says).next()
    }

    /// Everything of this kind said of `whom`.
    pub fn all(&self, whom: Whom, says: Says) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |f| f.says == says && f.whom == whom).map(|f| self.text_of(f))
    }

    /// The first thing of this kind, said of anybody.
    #[must_use]
    pub fn any(&self, says: Says) -> Option<&str> {
        self.fields.iter().find(|f| f.says == says).map(|f| self.text_of(f))
    }

    /// Adds a field, and beside it what it says in Chinese telegraphic code, if anything.
    pub fn push(&mut self, as_field: Field, text: &str) {
        let may_be_coded = matches!(as_field.says, Says::Name | Says::Address | Says::Text | Says::Instruction);
        let han = if may_be_coded { telegraph::han(text) } else { None };
        let beside = han.map(|han| (Field { plain: false, ..as_field.clone() }, han));
        self.put(as_field, text);
        if let Some((field, han)) = beside {
            self.put(field, &han);
        }
    }

    fn put(&mut self, as_field: Field, text: &str) {
        let from = self.text.len();
        self.text.push_str(text);
        self.fields.push(Field { text: from..self.text.len(), ..as_field });
    }
}

//! The law in Cedar: a `forbid` for each prohibition, its stays as negated conditions.

use crate::world::{Question, Rule};
use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request, RestrictedExpression};
use std::str::FromStr;

pub struct Cedar {
    whole: PolicySet,
    sliced: Vec<PolicySet>,
    authorizer: Authorizer,
    entities: Entities,
}

const OTHERWISE: &str = "permit(principal, action, resource);";

impl Cedar {
    pub fn new(rules: &[Rule], apps: u16) -> Self {
        let written: Vec<(u16, String)> = rules.iter().map(|rule| (rule.app, policy(rule))).collect();
        let set = |policies: Vec<&str>| {
            PolicySet::from_str(&format!("{}\n{OTHERWISE}", policies.join("\n"))).expect("sound policies")
        };
        let of = |app: u16| written.iter().filter(|(a, _)| *a == app).map(|(_, text)| text.as_str()).collect();
        Self {
            whole: set(written.iter().map(|(_, text)| text.as_str()).collect()),
            sliced: (0..apps).map(|app| set(of(app))).collect(),
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
        }
    }

    pub fn request(question: &Question) -> Request {
        let uid = |text: String| text.parse().expect("an entity");
        let long = |name: &str, value| (name.to_owned(), RestrictedExpression::new_long(value));
        let context =
            Context::from_pairs([long("known", question.known_at), long("valid", question.valid_at)]).expect("a context");
        Request::new(
            uid(String::from("Actor::\"business\"")),
            uid(format!("Action::\"act{}\"", question.act)),
            uid(format!("App::\"app{}\"", question.app)),
            context,
            None,
        )
        .expect("a request")
    }

    /// Every policy considered, as when nobody slices.
    pub fn naive(&self, request: &Request) -> bool {
        self.denies(request, &self.whole)
    }

    /// Only the policies of the app considered, as a careful user arranges.
    pub fn sliced(&self, request: &Request, app: u16) -> bool {
        self.denies(request, &self.sliced[usize::from(app)])
    }

    fn denies(&self, request: &Request, policies: &PolicySet) -> bool {
        self.authorizer.is_authorized(request, policies, &self.entities).decision() == Decision::Deny
    }
}

fn policy(rule: &Rule) -> String {
    let acts: Vec<String> = rule.acts.iter().map(|act| format!("Action::\"act{act}\"")).collect();
    let mut when = format!(
        "context.known >= {} && context.valid >= {} && context.valid < {}",
        rule.public, rule.force.from, rule.force.until
    );
    for (public, window) in &rule.stays {
        when += &format!(
            " && !(context.known >= {public} && context.valid >= {} && context.valid < {})",
            window.from, window.until
        );
    }
    let acts = acts.join(", ");
    format!("forbid(principal, action in [{acts}], resource == App::\"app{}\") when {{ {when} }};", rule.app)
}

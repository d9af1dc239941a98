//! The law in Cedar: a `forbid` for each prohibition, its stays as negated conditions.

use crate::world::{Question, Rule};
use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request, RestrictedExpression};
use std::str::FromStr;

pub struct Cedar {
    whole: Option<PolicySet>,
    sliced: Vec<PolicySet>,
    authorizer: Authorizer,
    entities: Entities,
}

const OTHERWISE: &str = "permit(principal, action, resource);";

impl Cedar {
    /// `whole` also keeps all policies in one set, as when nobody slices.
    pub fn new(rules: &[Rule], apps: u16, whole: bool) -> Self {
        let mut of_app: Vec<String> = vec![String::from(OTHERWISE); usize::from(apps)];
        for rule in rules {
            of_app[usize::from(rule.app)] += &format!("\n{}", policy(rule));
        }
        let set = |text: &String| PolicySet::from_str(text).expect("sound policies");
        let all = || rules.iter().map(policy).chain([String::from(OTHERWISE)]).collect::<Vec<_>>().join("\n");
        Self {
            whole: whole.then(|| set(&all())),
            sliced: of_app.iter().map(set).collect(),
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

    /// Every policy considered.
    pub fn naive(&self, request: &Request) -> bool {
        self.whole.as_ref().is_some_and(|whole| self.denies(request, whole))
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

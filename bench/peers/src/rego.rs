//! The law in Rego: prohibitions as data by app and act, one rule over them.

use crate::world::{Question, Rule};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{CompiledPolicy, Engine, Value};
use serde_json::{Map, json};

const ENTRY: &str = "data.interdict.prohibited";

const POLICY: &str = "package interdict
import rego.v1
default prohibited := false
prohibited if {
    some rule in data.rules[input.app][input.act]
    rule.public <= input.known
    rule.from <= input.valid
    input.valid < rule.until
    not stayed(rule)
}
stayed(rule) if {
    some stay in rule.stays
    stay.public <= input.known
    stay.from <= input.valid
    input.valid < stay.until
}
";

pub struct Rego {
    engine: Engine,
    compiled: CompiledPolicy,
    machine: RegoVM,
    yes: Value,
}

impl Rego {
    pub fn new(rules: &[Rule]) -> Self {
        let data = Value::from_json_str(&data(rules).to_string()).expect("JSON");
        let mut engine = Engine::new();
        engine.add_policy(String::from("interdict.rego"), POLICY.to_owned()).expect("a sound policy");
        engine.add_data(data.clone()).expect("sound data");
        let entry: regorus::Rc<str> = ENTRY.into();
        let compiled = engine.compile_with_entrypoint(&entry).expect("compiles");
        let program = Compiler::compile_from_policy(&compiled, &[ENTRY]).expect("compiles to bytecode");
        let mut machine = RegoVM::new();
        machine.load_program(program.into());
        machine.set_data(data).expect("sound data");
        Self { engine, compiled, machine, yes: Value::from(true) }
    }

    pub fn input(question: &Question) -> Value {
        let input = json!({
            "app": format!("app{}", question.app), "act": format!("act{}", question.act),
            "valid": question.valid_at, "known": question.known_at,
        });
        Value::from_json_str(&input.to_string()).expect("JSON")
    }

    /// The interpreter.
    pub fn interpreted(&mut self, input: &Value) -> bool {
        self.engine.set_input(input.clone());
        self.engine.eval_rule(String::from(ENTRY)).expect("evaluates") == self.yes
    }

    /// A policy compiled for this entry point.
    pub fn compiled(&self, input: &Value) -> bool {
        self.compiled.eval_with_input(input.clone()).expect("evaluates") == self.yes
    }

    /// Bytecode on a machine that stays loaded: its best form.
    pub fn bytecode(&mut self, input: &Value) -> bool {
        self.machine.set_input(input.clone());
        self.machine.execute_entry_point_by_index(0).expect("evaluates") == self.yes
    }
}

fn data(rules: &[Rule]) -> serde_json::Value {
    let mut apps = Map::new();
    for rule in rules {
        let window = |public, period: &law::Period| json!({ "public": public, "from": period.from, "until": period.until });
        let mut written = window(rule.public, &rule.force);
        written["stays"] = rule.stays.iter().map(|(public, period)| window(*public, period)).collect();
        let acts = apps.entry(format!("app{}", rule.app)).or_insert_with(|| json!({}));
        for act in &rule.acts {
            let name = format!("act{act}");
            if acts[&name].is_null() {
                acts[&name] = json!([]);
            }
            if let Some(list) = acts[&name].as_array_mut() {
                list.push(written.clone());
            }
        }
    }
    json!({ "rules": apps })
}

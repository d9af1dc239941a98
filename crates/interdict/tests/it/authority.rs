//! Hosts that an authority of a test's own vouches for.

use crate::program::Folder;
use crate::repository::{free_port, run, wait_for};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An authority's `ca.pem`, and a key and a certificate by it for a host (`IP:127.0.0.1`).
pub(crate) fn vouched(host: &str) -> Folder {
    let folder = Folder::new();
    folder.write("host", &format!("subjectAltName={host}\n"));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for words in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"),
        format!("req {key} -keyout own.key -out own.csr -subj /CN=repository"),
        String::from("x509 -req -in own.csr -CA ca.pem -CAkey ca.key -extfile host -days 2 -out own.pem"),
    ] {
        run(folder.path(), "openssl", &words.split(' ').collect::<Vec<_>>());
    }
    folder
}

/// nginx, which speaks TLS in front of a server that does not.
pub(crate) struct Front {
    child: Child,
    /// `https://127.0.0.1:PORT`
    pub(crate) url: String,
}

impl Front {
    /// With `own.pem` and `own.key` of this folder, before `behind`.
    pub(crate) fn start(keys: &Folder, behind: &str) -> Self {
        let port = free_port();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = kinds.iter().map(|kind| format!("{kind}_temp_path temporary; ")).collect();
        keys.write(
            "nginx.conf",
            &format!(
                "daemon off; pid nginx.pid; error_log stderr; events {{ worker_connections 64; }} http {{ access_log off; {temporary} \
                 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate own.pem; ssl_certificate_key own.key; \
                 location / {{ proxy_pass http://{behind}; }} }} }}"
            ),
        );
        let program = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
        let child = Command::new(program)
            .args(["-p", &keys.path().display().to_string(), "-c", "nginx.conf"])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        wait_for(port);
        Self { child, url: format!("https://127.0.0.1:{port}") }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // The master ends its workers when asked, not when killed.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()));
        self.child.wait().expect("it ends");
    }
}

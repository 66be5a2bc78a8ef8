// What a rater has answered so far: kept in the browser over a reload, sent to the server if the
// study is served by one, and downloaded at the end in any case.

const SCHEMA = 1;
const SEND_TRIES = 4;

class ResponseRecord {
  constructor(study, raters) {
    this.study = study;
    this.raters = raters;
    this.key = `mfsr-bench study ${study}`;
    this.served = false;
    this.state = this.restored() ?? this.fresh();
  }

  fresh() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const session = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return { rater: "", session, started: "", finished: "", answers: [] };
  }

  // What an earlier visit left, unless something else wrote it.
  restored() {
    try {
      const state = JSON.parse(remembered(this.key));
      const plan = this.raters[state.rater].trials;
      const fits = state.answers.every((answer, i) => answer.trial === plan[i][0]);
      return fits && /^[0-9a-f]{32}$/.test(state.session) ? state : null;
    } catch {
      return null;
    }
  }

  get kept() {
    return this.saved !== false;
  }

  save() {
    this.saved = remember(this.key, JSON.stringify(this.state));
  }

  // Begin anew, for the next person at the same machine.
  clear() {
    this.state = this.fresh();
    this.save();
  }

  get plan() {
    return this.raters[this.state.rater]?.trials ?? [];
  }

  get code() {
    return this.raters[this.state.rater].code;
  }

  get done() {
    return this.plan.length > 0 && this.state.answers.length === this.plan.length;
  }

  begin(rater) {
    this.state.rater = rater;
    this.state.started = new Date().toISOString();
    this.save();
  }

  add(answer) {
    this.state.answers.push(answer);
    if (this.done) this.state.finished = new Date().toISOString();
    this.save();
  }

  document() {
    return {
      schema: SCHEMA,
      study: this.study,
      ...this.state,
      code: this.done ? this.code : "",
      screen: { width: innerWidth, height: innerHeight, ratio: devicePixelRatio },
    };
  }

  // Ask the server, where there is one, which rater this is. Raises if it is there and refuses.
  async register() {
    if (!location.protocol.startsWith("http")) return;
    const reply = await this.post("raters", { study: this.study, session: this.state.session });
    if (reply?.rater in this.raters) {
      this.served = true;
      return reply.rater;
    }
  }

  // Bring what is answered so far to the server. What is under way is sent by the next call.
  async send() {
    if (!this.served) return false;
    const answers = this.state.answers.length;
    this.sending = (this.sending ?? Promise.resolve()).then(() => this.deliver(answers));
    return this.sending;
  }

  async deliver(answers) {
    if (this.delivered >= answers) return true;
    for (let i = 0; i < SEND_TRIES; i += 1) {
      const sent = this.state.answers.length;
      const reply = await this.post("answers", this.document()).catch(() => null);
      if (reply) {
        this.delivered = sent;
        return true;
      }
      await new Promise((wake) => setTimeout(wake, 300 * 3 ** i));
    }
    return false;
  }

  async post(path, body) {
    const reply = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!reply.ok) return null;
    return reply.json();
  }

  download() {
    const text = JSON.stringify(this.document(), null, 1);
    const link = el("a", {
      href: `data:application/json;charset=utf-8,${encodeURIComponent(text)}`,
      download: `answers-${this.study}-${this.state.rater}-${this.state.session.slice(0, 8)}.json`,
    });
    link.click();
  }
}

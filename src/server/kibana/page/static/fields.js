// The fields of a dashboard's data and their values, asked of the server when they are needed.

import { fields as fetchFields, values as fetchValues } from "./api.js";

const SOON_MS = 150;

/** The fields of a dashboard; asked again as long as there are none. */
export class Fields {
  constructor(id) {
    this.id = id;
    this.asked = null;
  }

  async all() {
    this.asked ??= fetchFields(this.id);
    const asked = this.asked;
    let found = [];
    try {
      found = await asked;
    } finally {
      if (found.length === 0 && this.asked === asked) this.asked = null;
    }
    return found;
  }
}

/** The most frequent values of a field that begin with a text. Only the last question is answered. */
export class Values {
  constructor(state) {
    this.state = state;
    this.asked = null;
  }

  stop() {
    this.asked?.abort();
  }

  /** `{ value, text, count }` each; `null` once another question was asked, or where the server gives no answer. */
  async like(field, search) {
    this.stop();
    const asked = (this.asked = new AbortController());
    await new Promise((resolve) => setTimeout(resolve, SOON_MS));
    if (asked.signal.aborted) return null;
    // What is being typed must not narrow what may come next.
    const body = this.state.body({ query: { language: "kuery", query: "" }, field, search });
    try {
      const { options } = await fetchValues(this.state.id, body, asked.signal);
      return asked.signal.aborted ? null : options;
    } catch {
      return null;
    }
  }
}

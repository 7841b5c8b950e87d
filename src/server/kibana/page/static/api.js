// The server's answers: dashboards, figures line by line, options of a control, fields and their values, and the live stream.

const BASE = "/api/stockdev";

/** An answer that is an error, in Kibana's form. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function send(path, init = {}) {
  const answer = await fetch(BASE + path, init);
  if (answer.ok) return answer;
  let message = `the server answered ${answer.status}`;
  try {
    message = (await answer.json()).message ?? message;
  } catch {
    // Not JSON: the status alone has to do.
  }
  throw new ApiError(answer.status, message);
}

function post(path, body, signal) {
  const headers = { "content-type": "application/json", "kbn-xsrf": "true" };
  return send(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

const at = (id) => `/dashboards/${encodeURIComponent(id)}`;

export const dashboards = async () => (await (await send("/dashboards")).json()).dashboards;
export const dashboard = async (id) => (await send(at(id))).json();

export async function fields(id) {
  return (await (await send(`/fields?dashboard=${encodeURIComponent(id)}`)).json()).fields;
}

export async function options(id, control, body, signal) {
  return (await post(`${at(id)}/controls/${encodeURIComponent(control)}/options`, body, signal)).json();
}

export async function values(id, body, signal) {
  return (await post(`${at(id)}/values`, body, signal)).json();
}

export const liveUrl = (id) => `${BASE}${at(id)}/live`;

/** Asks for figures; each line of the answer goes to `online` as soon as it is there. */
export async function figures(id, body, signal, online) {
  const answer = await post(`${at(id)}/figures`, body, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) online(JSON.parse(line));
  }
  if (rest.trim()) online(JSON.parse(rest));
}

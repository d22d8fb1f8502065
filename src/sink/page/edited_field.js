/** Sets the text of `node`, and leaves it alone if it has this text already: a screen reader speaks each change. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Messages of the server that may still show the old value after it has taken a new one. */
const OUTDATED_MESSAGES = 2;

/**
 * A field that shows a value of the server, until it is edited here.
 *
 * What is typed stays until the server has applied it, or until the user discards it. If the server's value changes
 * meanwhile, a note tells so. The reason why a value was refused stays until the next edit.
 */
export class EditedField {
  /** The field is `clean`, `edited`, or `sent` to the server and not applied yet. */
  state = "clean";
  /** The server's value, once it is known. */
  value;
  #atEdit;
  #edits = 0;
  #outdated = 0;

  /** `read` and `write` convert the input's value; `isSame` compares two values. */
  constructor(form, { path, body, read, write, isSame }) {
    Object.assign(this, { path, body, read, write, isSame });
    this.input = form.querySelector("textarea, input");
    this.output = form.querySelector("output");
    this.note = form.querySelector(".note");
    this.input.addEventListener("input", () => this.#edit());
    this.note.querySelector("button").addEventListener("click", () => this.#discard());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Takes the server's current value. */
  follow(value) {
    this.value = value;
    if (this.state === "sent") this.#settle();
    if (this.state === "edited") return this.#compare();
    this.#show();
  }

  /** Shows why the value that was sent cannot be used; it stays in the field. */
  refuse(reason) {
    this.state = "edited";
    setText(this.output, reason);
  }

  #edit() {
    if (this.state !== "edited") this.#atEdit = this.value;
    this.state = "edited";
    this.#edits += 1;
    setText(this.output, "");
  }

  #discard() {
    this.state = "clean";
    setText(this.output, "");
    this.#show();
    this.input.focus();
  }

  async #send() {
    const edits = this.#edits;
    if (this.state !== "edited") this.#atEdit = this.value;
    this.state = "edited";
    const { isDone, text } = await post(this.path, this.body(this.read(this.input)));
    // An edit since then is newer than this answer.
    if (edits !== this.#edits) return;
    setText(this.output, text);
    if (!isDone) return;
    [this.state, this.#outdated] = ["sent", OUTDATED_MESSAGES];
    this.note.hidden = true;
  }

  /** Ends the state `sent` once the server has applied the value, or another one after it. */
  #settle() {
    const isApplied = this.isSame(this.read(this.input), this.value);
    if (!isApplied && this.#outdated-- > 0) return;
    this.state = "clean";
    setText(this.output, isApplied ? "in use" : "");
  }

  /** Tells whether the server's value has changed since the edit began. */
  #compare() {
    this.#atEdit ??= this.value;
    const isOutdated = !this.isSame(this.#atEdit, this.value) && !this.isSame(this.read(this.input), this.value);
    this.note.hidden = !isOutdated;
  }

  #show() {
    if (this.state !== "clean") return;
    this.note.hidden = true;
    if (this.value !== undefined && !this.isSame(this.read(this.input), this.value)) {
      this.write(this.input, this.value);
    }
  }
}

/** Posts `body` to `path`; returns whether it was accepted, and the server's answer. */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (response.status === 401) dispatchEvent(new Event("token-refused"));
    return { isDone: response.ok, text: (await response.text()).trim() };
  } catch {
    return { isDone: false, text: "the program does not answer: try again once the page is live" };
  }
}

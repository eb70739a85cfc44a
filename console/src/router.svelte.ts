import { tick } from "svelte";

/** Where the person is. Links are ordinary links; a press on one of ours changes the page without loading it anew. */
class Router {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));

  constructor() {
    addEventListener("popstate", () => this.#arrive());
    document.addEventListener("click", (event) => this.#follow(event));
  }

  go(address: string): void {
    if (address === location.pathname + location.search) return;
    history.pushState(null, "", address);
    this.#arrive();
  }

  /** Another address of the same page, such as a filter; nothing to go back to. */
  replace(address: string): void {
    history.replaceState(history.state, "", address);
    this.query = new URLSearchParams(location.search);
  }

  #arrive(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    void tick().then(() => {
      scrollTo(0, 0);
      document.querySelector<HTMLElement>("main h1")?.focus();
    });
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest("a");
    if (link === null || link === undefined || link.target !== "" || link.hasAttribute("download")) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/docs")) return;
    event.preventDefault();
    if (url.hash !== "" && url.pathname === location.pathname) {
      document.querySelector<HTMLElement>(url.hash)?.focus();
      return;
    }
    this.go(url.pathname + url.search);
  }
}

export const router = new Router();

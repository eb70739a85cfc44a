import { mount } from "svelte";
import App from "./App.svelte";
import "./ui/tokens.css";
import { language } from "./text/index.ts";
import "./ui/base.css";

document.documentElement.lang = language;

const target = document.getElementById("app");
if (target === null) throw new Error("the page has no place for the console");
mount(App, { target });

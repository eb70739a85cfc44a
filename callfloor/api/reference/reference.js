import { init } from "/docs/redoc.standalone.js";

const place = document.getElementById("reference");
init(place.dataset.document, {}, place);

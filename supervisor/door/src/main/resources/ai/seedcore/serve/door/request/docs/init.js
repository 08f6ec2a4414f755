"use strict";

// Shows openapi.json. If the front door wants a token, asks for it, and sends it with each request.
// The token stays in this page.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();

  const form = document.getElementById("ask");
  const why = document.getElementById("why");

  async function show(headers) {
    const response = await fetch("openapi.json", { headers });
    if (!response.ok) {
      const body = await response.json().catch(() => ({}));
      why.textContent = body.error ?? `The API's description has status ${response.status}.`;
      form.hidden = false;
      return;
    }
    form.hidden = true;
    const spec = await response.json();
    // This page sends the token, and knows the prefix of a reverse proxy.
    delete spec.security;
    delete spec.components?.securitySchemes;
    spec.servers = [{ url: location.pathname.replace(/\/(-\/)?docs$/, "") || "/" }];
    SwaggerUIBundle({
      spec,
      dom_id: "#api",
      deepLinking: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
      validatorUrl: null,
      showMutatedRequest: false, // It would show the token.
      requestInterceptor: (request) => {
        Object.assign(request.headers, headers);
        return request;
      },
    });
  }

  const start = (headers) =>
    show(headers).catch((error) => {
      why.textContent = String(error);
      form.hidden = false;
    });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = document.getElementById("field").value.trim();
    const token = document.getElementById("token").value.trim();
    const usual = field.toLowerCase() === "authorization";
    start({ [field]: usual ? `Bearer ${token}` : token });
  });

  start({});
})();

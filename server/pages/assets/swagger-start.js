// Swagger UI fills each field of a form with a sample of its schema ("string", 50, "male"), and sends
// them. Here a field without an example is empty, and an empty field is not sent.
const emptyFields = {
  components: { ParameterIncludeEmpty: () => null },
  afterLoad() {
    const getSample = this.fn.getSampleSchema;
    // Swagger UI asks with `false` instead of a media type for the field of a form.
    this.fn.getSampleSchema = (schema, mediaType, ...others) => {
      if (mediaType === false && isEmpty(schema.toJS())) {
        return schema.get("type") === "array" ? "[]" : "";
      }
      return getSample(schema, mediaType, ...others);
    };
  },
};

function isEmpty(field) {
  const isFile = (field.items ?? field).format === "binary";
  return !isFile && !("example" in field || "examples" in field || "default" in field);
}

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null, // else its badge asks a server on the internet
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: false,
  plugins: [emptyFields],
});

/** A certificate for the examples of the document, of a server that there is not. */
export const exampleCertificate = [
  '-----BEGIN CERTIFICATE-----',
  'MIIByzCCAXKgAwIBAgIURRkBI0ibsV+Vd2Be3JixfE0dg4YwCgYIKoZIzj0EAwIw',
  'HjEcMBoGA1UEAwwTcGxjLTcucGxhbnQuZXhhbXBsZTAeFw0yNjExMjEyMTEwMDNa',
  'Fw00NjExMTYyMTEwMDNaMB4xHDAaBgNVBAMME3BsYy03LnBsYW50LmV4YW1wbGUw',
  'WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATt+shgISSmbDobrrjJ74gbwVe6t7bv',
  'TY+2dm7AeCFXfAFtrjtMDYZPdOD3lWBeHx3kw7EfsN0+MUjhR7zwjZ9jo4GNMIGK',
  'MB0GA1UdDgQWBBTOOxntbpAt6huYupuADy8lMLja3jAfBgNVHSMEGDAWgBTOOxnt',
  'bpAt6huYupuADy8lMLja3jAPBgNVHRMBAf8EBTADAQH/MDcGA1UdEQQwMC6GF3Vy',
  'bjpwbGFudC5leGFtcGxlOnBsYy03ghNwbGMtNy5wbGFudC5leGFtcGxlMAoGCCqG',
  'SM49BAMCA0cAMEQCICo6FHYiI+GSFsjahsRTfdY3Ea3i5FpjTlWToWVo0SakAiBI',
  'LBwBx8/ekiWoZXmnwn0zXCyz0qLVdmWMEYCskTlO4w==',
  '-----END CERTIFICATE-----',
  '',
].join('\n');
